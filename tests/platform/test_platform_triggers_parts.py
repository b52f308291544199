"""E-mails and forms with files, as they come in over HTTP."""

from __future__ import annotations

import base64
from email.message import EmailMessage

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caseway.platform.triggers.doors import door
from caseway.platform.triggers.inputs import Request, input_of
from caseway.platform.triggers.parts import form_of, mail_of
from caseway.platform.triggers.refusal import Refusal

FORM = (
    b'--b0\r\ncontent-disposition: form-data; name="amount"\r\n\r\n12\r\n'
    b'--b0\r\ncontent-disposition: form-data; name="tag"\r\n\r\na\r\n'
    b'--b0\r\ncontent-disposition: form-data; name="tag"\r\n\r\n\xc3\xa9\r\n'
    b'--b0\r\ncontent-disposition: form-data; name="scan"; filename="r.pdf"\r\n'
    b"content-type: application/pdf\r\n\r\n\x00\xff\r\n\x01\r\n--b0--\r\n"
)
SCHEMA = {"type": "object", "properties": {"amount": {"type": "string"}}, "required": ["amount"]}


def a_mail() -> EmailMessage:
    mail = EmailMessage()
    mail["From"] = "Ann Müller <ann@example.com>"
    mail["To"] = "Bo <bo@example.com>, cy@example.com"
    mail["Subject"] = "Rechnung für März"
    mail["Date"] = "Sat, 21 Nov 2026 15:00:00 +0100"
    mail["Message-ID"] = "<1@example.com>"
    mail.set_content("Anbei.\n")
    mail.add_alternative("<p>Anbei.</p>", subtype="html")
    mail.add_attachment(b"\x00\xff", maintype="application", subtype="pdf", filename="März.pdf")
    return mail


def asked(body: bytes, content_type: str, schema: object = None) -> object:
    made = door("main", {"id": "h", "type": "http", "path": "/m"}, {}, schema)
    return input_of(made, Request("POST", "/m", {"content-type": content_type}, (), body), {})


def test_an_e_mail_is_its_addresses_texts_and_attachments() -> None:
    found = asked(bytes(a_mail()), "message/rfc822")
    assert found == {
        "from": "ann@example.com",
        "to": ["bo@example.com", "cy@example.com"],
        "cc": [],
        "replyTo": [],
        "subject": "Rechnung für März",
        "date": "2026-11-21T14:00:00Z",
        "messageId": "<1@example.com>",
        "text": "Anbei.\n",
        "html": "<p>Anbei.</p>\n",
        "attachments": [
            {
                "filename": "März.pdf",
                "contentType": "application/pdf",
                "size": 2,
                "data": base64.b64encode(b"\x00\xff").decode(),
            }
        ],
    }


def test_what_nobody_sent_is_no_e_mail() -> None:
    with pytest.raises(Refusal) as refused:
        mail_of(b"hello\n")
    assert refused.value.code == "body"


def test_a_form_has_fields_lists_and_files() -> None:
    assert asked(FORM, "multipart/form-data; boundary=b0", SCHEMA) == {
        "amount": "12",
        "tag": ["a", "é"],
        "scan": {
            "filename": "r.pdf",
            "contentType": "application/pdf",
            "size": 5,
            "data": base64.b64encode(b"\x00\xff\r\n\x01").decode(),
        },
    }


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (FORM, "multipart/form-data"),
        (FORM, "multipart/form-data; boundary=other"),
        (FORM.replace(b'; name="tag"', b""), "multipart/form-data; boundary=b0"),
        (
            b'--b0\r\ncontent-disposition: form-data; name="x"\r\n\r\n\xff\r\n--b0--',
            "multipart/form-data; boundary=b0",
        ),
        (
            b'--b0\r\ncontent-disposition: form-data; name="x"\r\n\r\ny\r\n' * 201 + b"--b0--",
            "multipart/form-data; boundary=b0",
        ),
    ],
)
def test_a_form_that_cannot_be_read_is_refused(body: bytes, kind: str) -> None:
    with pytest.raises(Refusal) as refused:
        form_of(body, kind)
    assert refused.value.code == "body"


@given(st.binary(max_size=300))
def test_no_body_breaks_the_reading(body: bytes) -> None:
    for head, kind in (
        (b"from: a@b.c\r\ncontent-type: multipart/mixed; boundary=b0\r\n", "mail"),
        (b"", "form"),
    ):
        try:
            mail_of(head + body) if kind == "mail" else form_of(body, "multipart/form-data; boundary=b0")
        except Refusal as refused:
            assert refused.code == "body"


def test_parts_within_parts_without_end_break_nothing() -> None:
    nested = b"from: a@b.c\r\n"
    for depth in range(3000):
        nested += b"content-type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (depth, depth)
    try:
        mail_of(nested)
    except Refusal as refused:
        assert refused.code == "body"

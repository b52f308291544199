"""What is wrong on a platform, in the order people ask: why does it not deploy, why does nothing arrive, why
does it fail at once, why is it slow; and what is left to do before production."""

#!/bin/sh
# Makes kube-apiserver and etcd on Debian 12, from its own sources and packages: tests/kubernetes_programs.sh FOLDER
#
# Then: CASEWAY_KUBERNETES_PROGRAMS=FOLDER .venv/bin/pytest tests/containers/test_containers_kubernetes_real.py
# It compiles for a quarter of an hour on two cores, installs nothing, and needs apt-get, make, rsync and jq.
set -eu

folder=$(mkdir -p "${1:?usage: tests/kubernetes_programs.sh FOLDER}" && CDPATH='' cd -- "$1" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/sources" "$work/lists/partial" "$work/cache/archives/partial" "$work/packages"
sed 's/^Types:.*/Types: deb-src/' /etc/apt/sources.list.d/debian.sources >"$work/sources/debian.sources"

sources() {
  apt-get -o Dir::Etc::sourcelist=/dev/null -o Dir::Etc::sourceparts="$work/sources" \
    -o Dir::State::lists="$work/lists" -o Dir::Cache="$work/cache" -qq "$@"
}
sources update
(cd "$work" && sources source --download-only kubernetes && tar -xzf kubernetes_*.orig.tar.gz)
(cd "$work/packages" && apt-get download -qq golang-1.19-go golang-1.19-src etcd-server)
for package in "$work"/packages/*.deb; do
  dpkg -x "$package" "$work/root"
done

cd "$work"/kubernetes-*/
mkdir -p .go/src/k8s.io
ln -s ../../.. .go/src/k8s.io/kubernetes
export GOROOT="$work/root/usr/lib/go-1.19" GOPATH="$PWD/.go" GOCACHE="$work/go" HOME="$work"
export GO111MODULE=off GOPROXY=off CGO_ENABLED=0 PATH="$work/root/usr/lib/go-1.19/bin:$PATH"
make WHAT=cmd/kube-apiserver
install -m 0755 "$(find _output -type f -name kube-apiserver | head -n 1)" "$work/root/usr/bin/etcd" "$folder"
chmod -R u+w "$work"

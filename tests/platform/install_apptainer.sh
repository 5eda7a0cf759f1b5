#!/usr/bin/env bash
# Install Apptainer below a folder, from Debian packages, for machines whose distribution has none.
# usage: install_apptainer.sh PREFIX
#
# Debian carries Apptainer in unstable only. Its packages are unpacked, not installed: nothing
# outside PREFIX changes. The programs run on the C library that is unpacked beside them.
set -euo pipefail
prefix=$(mkdir -p "$1" && cd "$1" && pwd)
[ -x "$prefix/bin/apptainer" ] && "$prefix/bin/apptainer" --version >/dev/null && exit 0
# Several checkouts may ask at once.
exec 9>"$prefix/.lock"; flock 9
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
mirror=$(awk '/^URIs:/ {print $2; exit}' /etc/apt/sources.list.d/debian.sources 2>/dev/null || true)
[ -n "$mirror" ] || mirror=$(awk '$1 == "deb" {for (i = 2; i <= NF; i++) if ($i ~ /^https?:/) {print $i; exit}}' /etc/apt/sources.list)
keyring=/usr/share/keyrings/debian-archive-keyring.gpg

# An apt of its own: its lists and its idea of what is installed live in the work folder.
mkdir -p "$work"/{lists/partial,archives/partial,none,debs,tree,libc}; : >"$work/status"
for suite in bookworm trixie sid; do
  echo "deb [signed-by=$keyring] $mirror $suite main"
done >"$work/sources.list"
apt() {
  apt-get -q -o Dir::State::lists="$work/lists" -o Dir::State::status="$work/status" \
    -o Dir::Cache="$work" -o Dir::Cache::archives="$work/archives" \
    -o Dir::Etc::sourcelist="$work/sources.list" -o Dir::Etc::sourceparts="$work/none" \
    -o Dir::Etc::preferences=/dev/null -o Dir::Etc::preferencesparts="$work/none" \
    -o APT::Sandbox::User=root -o Acquire::Languages=none "$@"
}
apt update >/dev/null
packages=(apptainer/sid libc6/trixie)
helpers=(libseccomp2 libsqlite3-0 squashfs-tools liblzo2-2 squashfuse libsquashfuse0 libfuse3-3
  fuse-overlayfs patchelf uidmap libsubid4 mmdebstrap)
(cd "$work/debs" && apt download "${packages[@]}" "${helpers[@]/%//bookworm}" >/dev/null)
for name in apptainer "${helpers[@]}"; do dpkg-deb -x "$work/debs/$name"_*.deb "$work/tree"; done
dpkg-deb -x "$work"/debs/libc6_*.deb "$work/libc"

triplet=$(basename "$(dirname "$(find "$work/libc/usr/lib" -name 'ld-linux*.so*' -o -name 'libc.so.6' | head -n 1)")")
mkdir -p "$prefix"/{bin,lib,etc,var/lib,libc,share}
cp -a "$work/tree/usr/bin/." "$prefix/bin/"
cp -a "$work/tree/usr/lib/$triplet" "$prefix/lib/"
if [ -d "$work/tree/lib/$triplet" ]; then cp -a "$work/tree/lib/$triplet/." "$prefix/lib/$triplet/"; fi
cp -a "$work/tree/etc/apptainer" "$prefix/etc/"
cp -a "$work/tree/var/lib/apptainer" "$prefix/var/lib/"
if [ -d "$work/tree/usr/share/perl5" ]; then cp -a "$work/tree/usr/share/perl5" "$prefix/share/"; fi
cp -a "$work/libc/usr/lib/$triplet/." "$prefix/libc/"
# Debian's library folder is one level deeper than Apptainer's relocation expects.
for name in etc var bin; do ln -sfn "../$name" "$prefix/lib/$name"; done
mkdir -p "$prefix/lib/lib" && ln -sfn "../$triplet" "$prefix/lib/lib/$triplet"

patch=("$prefix/bin/patchelf" --force-rpath); libraries=$prefix/lib/$triplet
for name in mksquashfs unsquashfs squashfuse squashfuse_ll fuse-overlayfs newuidmap newgidmap; do
  "${patch[@]}" --set-rpath "$libraries" "$prefix/bin/$name"
done
for file in "$libraries"/libsquashfuse*.so.?.*; do "${patch[@]}" --set-rpath "$libraries" "$file"; done
for file in "$prefix/bin/apptainer" "$libraries/apptainer/bin/starter"; do
  "${patch[@]}" --set-interpreter "$prefix/libc/ld-linux-x86-64.so.2" \
    --set-rpath "$prefix/libc:$libraries" "$file"
done
"$prefix/bin/apptainer" --version

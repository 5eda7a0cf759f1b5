#!/bin/sh
# Digest over the programs and packages of the image: every file of /usr and /opt/iactflow, by name
# and content. The image states it in /opt/iactflow/image.digest, and as a label.
# usage: digest.sh
set -eu
cd /
find usr opt/iactflow -type f ! -path opt/iactflow/image.digest | LC_ALL=C sort |
  tr '\n' '\0' | xargs -0 sha256sum | sha256sum | cut -d ' ' -f 1

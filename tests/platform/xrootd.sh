#!/usr/bin/env bash
# Real XRootD servers on this machine: one storage element each, reads for everyone, writes with a key.
# usage: xrootd.sh start FOLDER FIRST_PORT NAME...  starts a server per name on ascending ports
#        xrootd.sh up FOLDER NAME                   starts one again, as it was
#        xrootd.sh down FOLDER NAME                 ends one at once, as a power cut does
#        xrootd.sh stop FOLDER                      ends all
# FOLDER/NAME/data is what a server serves; FOLDER/key is the client's key: XrdSecSSSKT=FOLDER/key.
set -euo pipefail
action=$1; folder=$2; shift 2
export PATH=$PATH:/usr/sbin:/sbin
# The server refuses to run as root.
owner=$(id -un)
as_owner=()
if [ "$(id -u)" = 0 ]; then
  owner=daemon
  as_owner=(setpriv --reuid="$owner" --regid="$owner" --clear-groups)
fi

down() {
  local file=$folder/$1/pid pid
  [ -s "$file" ] || return 0
  pid=$(cat "$file"); kill -9 "$pid" 2>/dev/null || true
  for _ in $(seq 50); do kill -0 "$pid" 2>/dev/null || break; sleep 0.1; done
  rm -f "$file"
}

up() {
  local site=$folder/$1 port
  port=$(sed -n 's/^xrd.port //p' "$site/config")
  # -I v4: third-party copies on the loopback interface time out otherwise.
  setsid "${as_owner[@]}" xrootd -I v4 -c "$site/config" -l "$site/log/server.log" -n "$1" \
    >"$site/log/out" 2>&1 </dev/null &
  echo $! >"$site/pid"
  for _ in $(seq 100); do
    (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null && return 0
    kill -0 "$(cat "$site/pid")" 2>/dev/null || break
    sleep 0.1
  done
  echo "xrootd.sh: $1 did not come up" >&2; tail -n 20 "$site"/log/*/server.log "$site"/log/out >&2 || true
  return 1
}

configure() { # configure NAME PORT
  local site=$folder/$1
  mkdir -p "$site"/{data,admin,run,log}
  echo "xrd.port $2
oss.localroot $site/data
all.export /
all.adminpath $site/admin
all.pidpath $site/run
all.sitename $1
xrootd.async off
xrootd.chksum max 2 adler32 crc32c md5
ofs.authorize 1
acc.authdb $folder/authdb
xrootd.seclib libXrdSec.so
sec.protocol sss -s $folder/key.server
sec.protocol unix
sec.protbind * sss unix" >"$site/config"
}

case $action in
  start)
    port=$1; shift
    mkdir -p "$folder"
    printf 'u writer / a\nu * / rl\n' >"$folder/authdb"
    # A name with a plus: its holder may come through a proxy, from another address.
    rm -f "$folder/key" "$folder/key.server"
    printf 'y\n' | xrdsssadmin -k iactflow+ -u writer -g writers add "$folder/key" >"$folder/key.out" 2>&1
    cp "$folder/key" "$folder/key.server" && chmod 600 "$folder"/key "$folder/key.server"
    for name in "$@"; do configure "$name" "$port"; port=$((port + 1)); done
    if [ "$(id -u)" = 0 ]; then chmod 755 "$folder"; chown -R "$owner" "$folder"; chown 0 "$folder/key"; fi
    for name in "$@"; do up "$name"; done
    ;;
  up) up "$1" ;;
  down) down "$1" ;;
  stop) for file in "$folder"/*/pid; do [ -e "$file" ] && down "$(basename "$(dirname "$file")")"; done ;;
  *) echo "xrootd.sh: start, up, down or stop" >&2; exit 2 ;;
esac

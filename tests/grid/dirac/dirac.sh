#!/usr/bin/env bash
# A real DIRAC on this machine: configuration, workload management, file catalogue, storage, two sites.
# usage: dirac.sh start|stop|stop-services|start-services|end-pilots FOLDER DIRAC_ENVIRONMENT
#        dirac.sh start FOLDER DIRAC_ENVIRONMENT PID: and stop by itself once PID has ended
#        dirac.sh proxy FOLDER DIRAC_ENVIRONMENT GROUP FILE
#        dirac.sh pilot FOLDER DIRAC_ENVIRONMENT SITE HIDDEN VISIBLE SOFTWARE
# What is absent, and not stood in for: README.md.
set -Eeuo pipefail
action=$1 folder=$2 venv=$3 here=$(cd "$(dirname "$0")" && pwd)
export PATH=$venv/bin:$PATH:/usr/sbin HOME=$folder/home
certificates=$folder/etc/grid-security/certificates
# Where a worker node works; the folder itself stays empty.
NODE=/run/node
sql() { mariadb --no-defaults -S "$folder/mysql/s.sock" -uroot "$@"; }

background() { # background NAME COMMAND...: run it, keep its pid and its output
  local name=$1; shift
  # The server of a grid does not share its cores with worker nodes, nor with whoever launches.
  setsid nice -n -15 "$@" >>"$folder/log/$name.log" 2>&1 </dev/null &
  echo $! >"$folder/run/$name.pid"
}

end() { # end NAME...: end what was started under these names, all at a time
  local name pid alive files=() pids=()
  for name in "$@"; do
    [ -s "$folder/run/$name.pid" ] || continue
    files+=("$folder/run/$name.pid"); pids+=("$(cat "$folder/run/$name.pid")")
  done
  [ ${#pids[@]} -gt 0 ] || return 0
  kill "${pids[@]}" 2>/dev/null || true
  for _ in $(seq 30); do
    alive=
    for pid in "${pids[@]}"; do if kill -0 "$pid" 2>/dev/null; then alive=1; fi; done
    [ "$alive" ] || break
    sleep 0.1
  done
  kill -9 "${pids[@]}" 2>/dev/null || true
  rm -f "${files[@]}"
}

listening() { # listening PORT...: wait for each
  local port
  for port in "$@"; do
    for _ in $(seq 360); do
      (echo >"/dev/tcp/127.0.0.1/$port") 2>/dev/null && continue 2
      sleep 0.25
    done
    echo "dirac.sh: nothing listens on port $port" >&2; tail -n 5 "$folder"/log/*.log >&2; exit 1
  done
}

authority() { # a certificate authority, a host and a user
  local grid=$folder/etc/grid-security
  mkdir -p "$certificates" "$folder/user"
  cd "$grid"
  openssl req -x509 -newkey rsa:2048 -nodes -days 30 -subj "/C=FR/O=IACT/CN=Test authority" \
    -addext basicConstraints=critical,CA:true -addext keyUsage=critical,keyCertSign,cRLSign \
    -keyout ca.key -out "$certificates/ca.pem" 2>/dev/null
  cp "$certificates/ca.pem" "$certificates/$(openssl x509 -in "$certificates/ca.pem" -noout -hash).0"
  certify() { # certify NAME KEY CERTIFICATE EXTENSIONS
    openssl req -newkey rsa:2048 -nodes -subj "/C=FR/O=IACT/CN=$1" -keyout "$2" -out request.pem \
      2>/dev/null
    openssl x509 -req -in request.pem -CA "$certificates/ca.pem" -CAkey ca.key -CAcreateserial \
      -days 20 -out "$3" -extfile <(printf '%b' "$4") 2>/dev/null
    chmod 400 "$2"
  }
  usage='basicConstraints=CA:FALSE\nkeyUsage=critical,digitalSignature,keyEncipherment\n'
  certify localhost hostkey.pem hostcert.pem \
    "${usage}extendedKeyUsage=serverAuth,clientAuth\nsubjectAltName=DNS:localhost\n"
  certify ciuser "$folder/user/key.pem" "$folder/user/cert.pem" "${usage}extendedKeyUsage=clientAuth\n"
}

databases() {
  mkdir -p "$folder/mysql"; chown mysql:mysql "$folder/mysql"
  mariadb-install-db --user=mysql --datadir="$folder/mysql" --auth-root-authentication-method=normal \
    --skip-test-db >"$folder/log/mysql_install.log" 2>&1
  background mariadb mariadbd --no-defaults --user=mysql --datadir="$folder/mysql" \
    --socket="$folder/mysql/s.sock" --port=13306 --bind-address=127.0.0.1 \
    --innodb-flush-log-at-trx-commit=0
  for _ in $(seq 120); do sql -e 'SELECT 1' >/dev/null 2>&1 && break; sleep 0.25; done
  local code file name
  code=$("$venv/bin/python" -c 'import importlib.util as u; print(u.find_spec("DIRAC").submodule_search_locations[0])')
  {
    for name in localhost 127.0.0.1 %; do
      echo "CREATE OR REPLACE USER 'Dirac'@'$name' IDENTIFIED BY 'Dirac';
            GRANT ALL ON *.* TO 'Dirac'@'$name';"
    done
    for name in ReqDB AccountingDB ProxyDB ResourceStatusDB ResourceManagementDB; do
      echo "CREATE DATABASE $name;"
    done
    for name in JobDB JobLoggingDB TaskQueueDB PilotAgentsDB SandboxMetadataDB; do
      file=$code/WorkloadManagementSystem/DB/$name.sql
      echo "CREATE DATABASE IF NOT EXISTS $name; USE $name;"; sed -E '/^(use|USE|drop database|DROP DATABASE|create database|CREATE DATABASE) /d' "$file"
    done
    cat "$code/DataManagementSystem/DB/FileCatalogWithFkAndPsDB.sql"
  } | sql
}

services() {
  export DIRAC_ROOT_PATH=$folder X509_CERT_DIR=$certificates
  local options=(-o LogLevel=INFO -o /DIRAC/Hostname=localhost -o /DIRAC/Security/UseServerCertificate=yes)
  local wms=WorkloadManagement
  background configuration dirac-service Configuration/Server --cfg "$folder/etc/Configuration_Server.cfg" "${options[@]}"
  listening 9135
  # Few processes: what each imports is most of what a start costs. The handler of storage keeps its
  # folder in a variable of its module, so that the two sites have to be in two of them.
  background jobs dirac-service $wms/JobManager $wms/JobMonitoring $wms/JobStateUpdate $wms/Matcher \
    $wms/PilotManager $wms/WMSAdministrator $wms/SandboxStore "${options[@]}"
  background mind dirac-service $wms/OptimizationMind Framework/ProxyManager Accounting/DataStore \
    RequestManagement/ReqManager DataManagement/StorageElementTwo "${options[@]}"
  background data dirac-service DataManagement/FileCatalog ResourceStatus/ResourceStatus \
    DataManagement/StorageElementOne "${options[@]}"
  listening 9132 9130 9136 9170 9196 9175 9152 9133 9140 9197 9148 9149 9160
  background optimizers dirac-executor $wms/Optimizers "${options[@]}"
}
SERVICES=(optimizers data mind jobs configuration)

status_rows() { # what resource status agents would have found out
  local columns values type element
  columns="(Name,ElementType,StatusType,VO,Status,Reason,DateEffective,LastCheckTime,TokenOwner,TokenExpiration)"
  values="'all','Active','test',UTC_TIMESTAMP(),UTC_TIMESTAMP(),'rs_svc','2099-01-01'"
  {
    echo "USE ResourceStatusDB;"
    for element in One Two; do
      echo "INSERT INTO SiteStatus $columns VALUES ('LCG.$element.fr','Site','all',$values);"
      echo "INSERT INTO ResourceStatus $columns VALUES ('ce.${element,,}','ComputingElement','all',$values);"
    done
    for element in SE-One SE-Two ProductionSandboxSE; do
      for type in ReadAccess WriteAccess CheckAccess RemoveAccess; do
        echo "INSERT INTO ResourceStatus $columns VALUES ('$element','StorageElement','$type',$values);"
      done
    done
  } | sql
}

client() { # what a user has: configuration, authorities, a shell file
  cat >"$folder/client/diracosrc" <<EOF
export DIRAC_ROOT_PATH=$folder/client X509_CERT_DIR=$certificates HOME=$folder/home
export X509_USER_PROXY=\${X509_USER_PROXY:-$folder/client/proxy} PATH=$venv/bin:\$PATH
EOF
}

proxy() { # proxy GROUP FILE: proxy GROUP of the user, in FILE
  ( . "$folder/client/diracosrc"; export X509_USER_PROXY=$2
    dirac-proxy-init -g "$1" -C "$folder/user/cert.pem" -K "$folder/user/key.pem" \
      >"$folder/log/proxy-$1.log" 2>&1 || { cat "$folder/log/proxy-$1.log" >&2; exit 1; } )
}

pilot() { # pilot SITE HIDDEN VISIBLE SOFTWARE: a worker node
  # It sees none of the hidden folders, but what lies in them and is visible, as a site has it.
  local site=$1 hidden=$2 visible=$3 software=$4 place
  place=$(mktemp -d "$folder/nodes/$site-XXXXXX")
  echo $$ >"$folder/run/pilot-$(basename "$place").pid"
  mkdir -p "$place"/{etc,certificates,software,visible} "$NODE"
  cp -L "$certificates"/* "$place/certificates/"
  cp "$folder/client/etc/dirac.cfg" "$place/etc/"
  cp "$folder/client/proxy-pilot" "$place/proxy"; chmod 600 "$place/proxy"
  cat >"$place/pilot.cfg" <<EOF
LocalSite
{
  Site = LCG.$site.fr
  GridCE = ce.${site,,}
  CEQueue = q
  LocalCE = InProcess
  LocalSE = SE-$site
  CPUTimeLeft = 200000
  CPUNormalizationFactor = 10
  CPUTime = 100000
  PilotReference = local://pilot/$(basename "$place")
  ReleaseVersion = 9.1.22
  Architecture = x86_64
}
AgentJobRequirements
{
  # As pilots write it: the job wrapper learns its site from this very file.
  ExtraOptions = $NODE/pilot.cfg
}
Resources
{
  Computing
  {
    CEDefaults
    {
      VirtualOrganization = hess
    }
    InProcess
    {
      NumberOfProcessors = 2
    }
  }
}
EOF
  export place hidden visible software venv NODE
  exec unshare --mount --propagation private --pid --fork --kill-child --mount-proc bash -c '
    set -e
    mount --bind "$place" "$NODE"
    mount --bind "$software" "$NODE/software"
    number=0
    for path in ${visible//:/ }; do
      mkdir "$NODE/visible/$((++number))"; mount --bind "$path" "$NODE/visible/$number"
    done
    for path in ${hidden//:/ }; do mount -t tmpfs none "$path"; done
    number=0
    for path in ${visible//:/ }; do
      mkdir -p "$path"; mount --move "$NODE/visible/$((++number))" "$path"
    done
    cd "$NODE"
    # The job wrapper leaves the environment through realpath of its Python.
    export PYTHONPATH=$(echo "$venv"/lib/python3*/site-packages) HOME=$NODE TMPDIR=/tmp
    export DIRAC_ROOT_PATH=$NODE X509_CERT_DIR=$NODE/certificates X509_USER_PROXY=$NODE/proxy
    exec dirac-agent WorkloadManagement/JobAgent --cfg pilot.cfg -o LogLevel=INFO -o MaxCycles=1000 \
      -o PollingTime=1 -o StopAfterFailedMatches=100000 -o /DIRAC/Security/UseServerCertificate=no \
      -o StopOnApplicationFailure=False -o FillingModeFlag=True -o MinimumTimeLeft=10 \
      -o SubmissionDelay=0'
}

end_pilots() { # kill worker nodes with everything that runs on them, as a site does
  local file
  for file in "$folder"/run/pilot-*.pid; do
    [ -e "$file" ] || continue
    kill -9 "$(cat "$file")" 2>/dev/null || true
    rm -f "$file"
  done
}

case $action in
  start)
    mkdir -p "$folder"/{etc,log,run,data,sandboxes,storage,home,nodes,client/etc}
    if [ $# -gt 3 ]; then background watch bash "$0" watch "$folder" "$venv" "$4" $$; fi
    trap 'end watch "${SERVICES[@]}" mariadb' ERR
    authority
    databases
    "$venv/bin/python" "$here/configure.py" "$folder"
    services
    status_rows
    client
    proxy hess_user "$folder/client/proxy"
    proxy hess_pilot "$folder/client/proxy-pilot" ;;
  stop)
    end_pilots; end watch "${SERVICES[@]}" mariadb
    rmdir "$NODE" 2>/dev/null || true ;;
  watch)
    for pid in "$4" "$5"; do while kill -0 "$pid" 2>/dev/null; do sleep 1; done; done
    rm -f "$folder/run/watch.pid"
    bash "$0" stop "$folder" "$venv"
    rm -rf "$folder" "$folder-launch" "$folder-site" ;;
  end-pilots) end_pilots ;;
  stop-services) end "${SERVICES[@]}" ;;
  start-services) services ;;
  proxy) proxy "$4" "$5" ;;
  pilot) shift 3; pilot "$@" ;;
  *) echo "dirac.sh: unknown action $action" >&2; exit 2 ;;
esac

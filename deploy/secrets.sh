#!/bin/sh
# Writes the secrets of a new installation: deploy/secrets.sh [FOLDER]
#
# FOLDER is 'secrets' beside this script unless you say otherwise. What is there already stays as it is. Only you
# may enter the folder; its files can be read by whoever is handed one, as the containers are.
set -eu

folder=${1:-$(dirname -- "$0")/secrets}
umask 077
mkdir -p "$folder"

random() {
  head -c "$1" /dev/urandom | base64 | tr -d '\n' | tr '+/' '-_'
}

keep() {
  if [ ! -s "$folder/$1" ]; then
    cat >"$folder/$1.new"
    chmod 0444 "$folder/$1.new"
    mv "$folder/$1.new" "$folder/$1"
    echo "made $folder/$1" >&2
  fi
}

random 32 | keep secret_key
random 24 | keep postgres_password
random 24 | keep redis_password
keep database_url <<END
postgresql://caseway:$(cat "$folder/postgres_password")@postgres:5432/caseway
END
keep queue_url <<END
redis://:$(cat "$folder/redis_password")@redis:6379/0
END
keep redis.conf <<END
requirepass $(cat "$folder/redis_password")
END

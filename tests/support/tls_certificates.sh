#!/usr/bin/env bash
# Makes tests/support/tls_certificates.hpp anew, with openssl: authorities, and certificates of servers
# and clients that are right or wrong in one way each. All keys of a kind are one key.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
out=$PWD/tls_certificates.hpp
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

cat >ca.cnf <<'END'
[ca]
default_ca = here
[here]
dir = .
new_certs_dir = .
database = index
serial = serial
default_md = sha256
policy = any
unique_subject = no
[any]
commonName = supplied
[req]
distinguished_name = name
[name]
[authority]
basicConstraints = critical, CA:true
keyUsage = critical, keyCertSign, cRLSign
[server]
subjectAltName = DNS:server.test, DNS:*.wild.test, IP:192.0.2.7, IP:2001:db8::7
extendedKeyUsage = serverAuth
[client]
subjectAltName = DNS:client.test
extendedKeyUsage = clientAuth
END
touch index
echo 1000 >serial

for each in root other leaf; do openssl ecparam -name prime256v1 -genkey -noout | openssl pkcs8 -topk8 -nocrypt -out ec_$each.key; done
for each in root middle leaf; do openssl genrsa 2048 2>/dev/null | openssl pkcs8 -topk8 -nocrypt -out rsa_$each.key; done

# certificate NAME KEY EXTENSIONS FROM TO SUBJECT ISSUER ISSUER_KEY
certificate() {
  openssl req -new -config ca.cnf -key "$2" -subj "/CN=$6" -out request.csr
  local signer=(-cert "$7.pem" -keyfile "$8")
  [ "$7" != self ] || signer=(-selfsign -keyfile "$8")
  openssl ca -batch -notext -config ca.cnf -in request.csr -out "$1.pem" -extensions "$3" \
    -startdate "$4" -enddate "$5" "${signer[@]}" 2>/dev/null
}
long=(20200101000000Z 20991231235959Z)
certificate ec_root ec_root.key authority "${long[@]}" "Runnel test root EC" self ec_root.key
certificate ec_other ec_other.key authority "${long[@]}" "Another root" self ec_other.key
certificate ec_server ec_leaf.key server "${long[@]}" server.test ec_root ec_root.key
certificate ec_expired ec_leaf.key server 20200101000000Z 20210203040506Z server.test ec_root ec_root.key
certificate ec_future ec_leaf.key server 20980203040506Z 20991231235959Z server.test ec_root ec_root.key
certificate ec_client ec_leaf.key client "${long[@]}" client.test ec_root ec_root.key
certificate rsa_root rsa_root.key authority "${long[@]}" "Runnel test root RSA" self rsa_root.key
certificate rsa_middle rsa_middle.key authority "${long[@]}" "Runnel test middle RSA" rsa_root rsa_root.key
certificate rsa_server rsa_leaf.key server "${long[@]}" server.test rsa_middle rsa_middle.key
certificate rsa_client rsa_leaf.key client "${long[@]}" client.test rsa_middle rsa_middle.key

{
  echo '// Made by tests/support/tls_certificates.sh. For tests only: the keys are no secrets.'
  echo '#pragma once'
  echo
  echo 'namespace runnel::test::pem {'
  for each in ec_root.pem ec_other.pem ec_server.pem ec_expired.pem ec_future.pem ec_client.pem ec_leaf.key \
    rsa_root.pem rsa_middle.pem rsa_server.pem rsa_client.pem rsa_leaf.key; do
    name=${each%.pem}
    echo
    echo "inline constexpr char ${name/./_}[] = R\"($(cat $each)"
    echo ')";'
  done
  echo
  echo '}  // namespace runnel::test::pem'
} >"$out"

//! Against certificates that `openssl` makes; what is expected is what `openssl s_client` says about them.

use super::*;
use std::collections::HashMap;
use std::path::Path;
use std::process::Command;
use std::sync::LazyLock;

/// Makes all certificates, once. `self_signed NAME [EXTENSIONS]`, `sign NAME ISSUER [EXTENSIONS [DAYS]]`.
const SCRIPT: &str = r#"
set -e
key() { [ -f $1.key ] || openssl ecparam -name prime256v1 -genkey -noout -out $1.key; }
self_signed() {
    key $1
    openssl req -new -x509 -set_serial 7 -key $1.key -subj "/CN=$1" -config openssl.conf ${2:+-extensions $2} -days 30 -out $1.crt
}
sign() {
    key $1
    openssl req -new -key $1.key -subj "/CN=$1" -config openssl.conf -out $1.csr
    openssl x509 -req -in $1.csr -CA $2.crt -CAkey $2.key -set_serial 0x$(openssl rand -hex 8) \
        ${3:+-extfile openssl.conf -extensions $3} -days ${4:-30} -out $1.crt
}
crl() {
    : > $1.index
    [ -z "$2" ] || openssl ca -config openssl.conf -name $1_ca -cert $1.crt -keyfile $1.key -revoke $2.crt
    openssl ca -config openssl.conf -name $1_ca -cert $1.crt -keyfile $1.key -gencrl -crldays 5 -out $1${2:+-$2}.crl
}
self_signed root ca
self_signed alone
sign leaf root leaf
sign plain root
sign i1 root ca; sign i2 i1 ca; sign i3 i2 ca
sign l1 i1 leaf; sign l2 i2 leaf; sign l3 i3 leaf
sign short root short; sign below short ca; sign far below leaf
sign notca root notca; sign ofnotca notca good
sign nosign root nosign; sign ofnosign nosign good
sign v1 root; sign ofv1 v1 good
sign client root client; sign server root server; sign any root any
sign critical root critical
sign names root names; sign good names good; sign bad names bad; sign unnamed names
sign old root leaf -1
sed 's/./&/' root.crt > twin.crt
self_signed there plain_ca; sign here there plain_ca; sign there here plain_ca; sign lost here good
cat here.crt there.crt > circle.crt
openssl x509 -in root.crt -addtrust clientAuth -out root-clients.crt
openssl x509 -in root.crt -addreject clientAuth -out root-servers.crt
openssl x509 -in i1.crt -addtrust serverAuth -setalias name -out i1-servers.crt
openssl req -new -x509 -set_serial 7 -key alone.key -subj /CN=root -config openssl.conf -out false.crt
cp alone.key false.key; sign forged false good
crl root; crl root leaf; crl i1
"#;

const CONF: &str = "
[req]
distinguished_name=dn
prompt=no
[dn]
[ca]
basicConstraints=critical,CA:TRUE
keyUsage=critical,keyCertSign,cRLSign
subjectKeyIdentifier=hash
[plain_ca]
basicConstraints=critical,CA:TRUE
[short]
basicConstraints=critical,CA:TRUE,pathlen:0
subjectKeyIdentifier=hash
[notca]
basicConstraints=critical,CA:FALSE
[nosign]
basicConstraints=critical,CA:TRUE
keyUsage=critical,cRLSign
[leaf]
subjectAltName=DNS:example.com
subjectKeyIdentifier=hash
authorityKeyIdentifier=keyid
[client]
extendedKeyUsage=clientAuth
[server]
extendedKeyUsage=serverAuth
[any]
extendedKeyUsage=anyExtendedKeyUsage
[critical]
1.2.3.4=critical,ASN1:UTF8String:x
[names]
basicConstraints=critical,CA:TRUE
nameConstraints=critical,permitted;DNS:example.com
[good]
subjectAltName=DNS:www.example.com
[bad]
subjectAltName=DNS:www.example.org
[root_ca]
database=root.index
default_md=sha256
[i1_ca]
database=i1.index
default_md=sha256
";

/// The files that the script leaves.
static MADE: LazyLock<HashMap<String, Vec<u8>>> = LazyLock::new(|| {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("openssl.conf"), CONF).unwrap();
    let out = Command::new("sh")
        .args(["-c", SCRIPT])
        .current_dir(&dir)
        .output()
        .unwrap();
    assert!(
        out.status.success(),
        "{}",
        String::from_utf8_lossy(&out.stderr)
    );
    let files = std::fs::read_dir(dir.path()).unwrap().map(|file| {
        let file = file.unwrap();
        let name = file.file_name().into_string().unwrap();
        (name, std::fs::read(file.path()).unwrap())
    });
    files.collect()
});

fn pem_file(name: &str) -> Vec<u8> {
    MADE.get(name).unwrap().clone()
}

fn certificate(name: &str) -> CertificateDer<'static> {
    let text = pem_file(&format!("{name}.crt"));
    pem::parse(text).unwrap().into_contents().into()
}

fn trust(name: &str) -> Trust {
    let mut trust = Trust::default();
    trust
        .add_certificates(&pem_file(&format!("{name}.crt")))
        .unwrap();
    trust
}

fn judge(sent: &str, trust: &Trust, purpose: Purpose, depth: u32) -> u32 {
    let chain: Vec<_> = sent.split(' ').map(certificate).collect();
    let now = UnixTime::now();
    verify_chain(&chain, trust, purpose, depth, now).map_or_else(|e| e.code, |()| 0)
}

#[test]
fn servers_as_openssl_judges_them() {
    for (sent, trusted, depth, code) in [
        ("leaf", "root", 1, 0),
        ("leaf root", "root", 1, 0),
        ("leaf", "root", 0, 0),
        ("alone", "alone", 1, 0),
        ("alone", "alone", 0, 0),
        ("alone", "root", 1, 18),
        ("plain", "root", 1, 0),
        ("leaf", "alone", 1, 21),
        ("leaf", "leaf", 1, 21),
        ("leaf i1", "alone", 1, 21),
        ("l1", "root", 1, 21),
        ("l1", "i1", 1, 2),
        ("l1 i1", "root", 1, 0),
        ("l1 i1", "alone", 1, 20),
        ("l1 i1 root", "alone", 1, 19),
        ("l2 i1 i2", "root", 2, 0),
        ("l3 i3 i2 i1", "root", 3, 0),
        ("far below short", "root", 5, 25),
        ("ofnotca notca", "root", 1, 26),
        ("ofnosign nosign", "root", 1, 32),
        ("ofv1 v1", "root", 1, 26),
        ("client", "root", 1, 26),
        ("server", "root", 1, 0),
        ("any", "root", 1, 26),
        ("critical", "root", 1, 34),
        ("good names", "root", 1, 0),
        ("bad names", "root", 1, 47),
        ("unnamed names", "root", 1, 47),
        ("old", "root", 1, 10),
        ("forged", "root", 1, 7),
    ] {
        let code_here = judge(sent, &trust(trusted), Purpose::Server, depth);
        assert_eq!(code_here, code, "{sent}, trusting {trusted}, depth {depth}");
    }
}

#[test]
fn depth_counts_what_stands_between() {
    for (sent, depth, code) in [
        ("l1 i1", 0, 20),
        ("l1 i1", 1, 0),
        ("l2 i2 i1", 1, 20),
        ("l2 i2 i1", 2, 0),
        ("l3 i3 i2 i1", 2, 20),
    ] {
        let got = judge(sent, &trust("root"), Purpose::Server, depth);
        assert_eq!(got, code, "{sent}, depth {depth}");
    }
}

#[test]
fn trusted_certificates_may_say_for_what() {
    for (sent, trusted, client, server) in [
        ("leaf", "root-clients", 0, 26),
        ("leaf", "root-servers", 26, 0),
        // It has not signed itself, but is trusted by name.
        ("l1", "i1-servers", 26, 0),
    ] {
        let as_client = judge(sent, &trust(trusted), Purpose::Client, 1);
        let as_server = judge(sent, &trust(trusted), Purpose::Server, 1);
        assert_eq!((as_client, as_server), (client, server), "{sent} {trusted}");
    }
}

#[test]
fn a_circle_of_trusted_certificates_ends() {
    let got = judge("lost", &trust("circle"), Purpose::Server, u32::MAX);
    assert_eq!(got, 2);
}

#[test]
fn clients_have_another_purpose() {
    for (sent, code) in [("client", 0), ("server", 26), ("leaf", 0), ("plain", 0)] {
        assert_eq!(
            judge(sent, &trust("root"), Purpose::Client, 1),
            code,
            "{sent}"
        );
    }
}

#[test]
fn revocation_lists_must_cover_the_path() {
    let with = |lists: &[&str]| {
        let mut trust = trust("root");
        for list in lists {
            trust.add_crls(&pem_file(list)).unwrap();
        }
        trust
    };
    for (sent, lists, code) in [
        ("leaf", &["root.crl"][..], 0),
        ("leaf", &["root-leaf.crl"], 23),
        ("leaf", &["root.crl", "root-leaf.crl"], 23),
        ("leaf", &["i1.crl"], 3),
        ("l1 i1", &["root.crl"], 3),
        ("l1 i1", &["root.crl", "i1.crl"], 0),
    ] {
        let got = judge(sent, &with(lists), Purpose::Client, 1);
        assert_eq!(got, code, "{sent} {lists:?}");
    }
}

#[test]
fn time_is_what_the_caller_says() {
    let chain = [certificate("leaf")];
    let at = |days: u64| {
        let now = UnixTime::now().as_secs();
        let at = UnixTime::since_unix_epoch(std::time::Duration::from_secs(days * 86400));
        let now = match days {
            0 => UnixTime::since_unix_epoch(std::time::Duration::from_secs(now)),
            _ => at,
        };
        verify_chain(&chain, &trust("root"), Purpose::Server, 1, now).map_err(|e| e.code)
    };
    assert_eq!(at(0), Ok(()));
    assert_eq!(at(1), Err(9));
    assert_eq!(at(50_000), Err(10));
}

#[test]
fn every_changed_byte_breaks_it() {
    let good = certificate("plain");
    let trust = trust("root");
    let now = UnixTime::now();
    for i in 0..good.len() {
        let mut bytes = good.to_vec();
        bytes[i] ^= 0x20;
        let chain = [CertificateDer::from(bytes)];
        assert!(
            verify_chain(&chain, &trust, Purpose::Server, 1, now).is_err(),
            "byte {i}"
        );
    }
}

#[test]
fn stores() {
    let mut trust = Trust::default();
    assert_eq!(trust.add_certificates(b""), Err(TrustError::Nothing));
    assert_eq!(
        trust.add_certificates(&pem_file("root.key")),
        Err(TrustError::Nothing)
    );
    assert_eq!(
        trust.add_crls(&pem_file("root.crt")),
        Err(TrustError::Nothing)
    );
    let twice = [
        pem_file("root.crt"),
        pem_file("twin.crt"),
        pem_file("i1.crt"),
    ]
    .concat();
    trust.add_certificates(&twice).unwrap();
    assert_eq!((trust.certificates().len(), trust.subjects().len()), (2, 2));
    let bundle = Path::new("/etc/ssl/certs/ca-certificates.crt");
    if let Ok(text) = std::fs::read(bundle) {
        let mut trust = Trust::default();
        trust.add_certificates(&text).unwrap();
        assert!(trust.certificates().len() > 50);
        for der in trust.certificates() {
            let (chain, now) = ([der.clone()], UnixTime::now());
            let verdict = verify_chain(&chain, &trust, Purpose::Server, 0, now);
            assert!(
                matches!(verdict.map_err(|e| e.code), Ok(()) | Err(10 | 26)),
                "{verdict:?}"
            );
        }
    }
}

#[test]
fn names() {
    let matches = |file: &str, name: &str| matches_name(&certificate(file), name.as_bytes());
    assert!(matches("leaf", "example.com"));
    // The common name does not count where there is an alternative one.
    assert!(!matches("leaf", "leaf"));
    assert!(matches("plain", "PLAIN"));
    assert!(!matches("plain", ""));
}

//! The address policy as tables.

use std::net::{IpAddr, SocketAddr};

use super::{AddressPolicy, PrivateRanges, RefusedAddresses};
use crate::error::ErrorKind;

const NEVER: &[&str] = &[
    "127.0.0.1",
    "127.255.255.254",
    "::1",
    "0.0.0.0",
    "0.1.2.3",
    "::",
    "169.254.169.254",
    "169.254.1.1",
    "168.63.129.16",
    "100.100.100.200",
    "fd00:ec2::254",
    "fd20:ce::254",
    "fe80::1",
    "febf::1",
    "224.0.0.1",
    "239.255.255.255",
    "ff02::1",
    "255.255.255.255",
    "240.0.0.1",
    "192.0.0.192",
    "2001::1",
    "::ffff:127.0.0.1",
    "::ffff:169.254.169.254",
    "::127.0.0.1",
    "::169.254.169.254",
    "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::a9fe:a9fe",
    "2002:7f00:1::",
    "2002:a9fe:a9fe::1",
    "::ffff:0.0.0.0",
];

const PRIVATE: &[&str] = &[
    "10.0.0.1",
    "10.255.255.255",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.1.1",
    "100.64.0.1",
    "100.127.0.1",
    "fc00::1",
    "fdff::1",
    "fec0::1",
    "198.18.0.1",
    "::ffff:10.0.0.1",
    "64:ff9b::a00:1",
    "2002:a00:1::",
];

const PUBLIC: &[&str] = &[
    "8.8.8.8",
    "172.15.0.1",
    "172.32.0.1",
    "100.63.0.1",
    "100.128.0.1",
    "192.167.0.1",
    "192.0.1.1",
    "1.1.1.1",
    "128.0.0.1",
    "2606:4700::1111",
    "2001:4860::8888",
    "::ffff:8.8.8.8",
    "64:ff9b::808:808",
];

fn ip(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

fn refused(policy: &AddressPolicy, text: &str) -> bool {
    match policy.check(ip(text)) {
        Ok(()) => false,
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::AddressRefused);
            assert!(error.to_string().contains(&ip(text).to_string()), "{error}");
            true
        }
    }
}

#[test]
fn guarded_policies_follow_the_table() {
    let open = AddressPolicy::guarded(PrivateRanges::Allowed);
    let closed = AddressPolicy::guarded(PrivateRanges::Refused);
    for (addresses, by_open, by_closed) in
        [(NEVER, true, true), (PRIVATE, false, true), (PUBLIC, false, false)]
    {
        for address in addresses {
            assert_eq!(refused(&open, address), by_open, "{address} with private ranges allowed");
            assert_eq!(refused(&closed, address), by_closed, "{address} with private ranges refused");
        }
    }
}

fn these(addresses: &[&str]) -> RefusedAddresses {
    let refused = RefusedAddresses::default();
    refused.replace(addresses.iter().map(|address| ip(address)));
    refused
}

#[test]
fn the_default_allows_all() {
    for address in [NEVER, PRIVATE, PUBLIC].concat() {
        assert!(!refused(&AddressPolicy::default(), address), "{address}");
    }
}

#[test]
fn an_allowed_range_wins_over_everything_in_every_form_and_opens_nothing_else() {
    let policy = AddressPolicy::guarded(PrivateRanges::Refused)
        .refuse(these(&["127.0.0.2"]))
        .allow("127.0.0.0/8".parse().expect("a range"));
    for address in ["127.0.0.1", "127.0.0.2", "::ffff:127.0.0.1", "64:ff9b::7f00:1"] {
        assert!(!refused(&policy, address), "{address}");
    }
    for address in ["::1", "10.0.0.1", "169.254.169.254"] {
        assert!(refused(&policy, address), "{address}");
    }
}

#[test]
fn extra_refused_addresses_hold_in_every_form() {
    let own = these(&["10.96.0.1", "::ffff:34.1.2.3"]);
    let policy = AddressPolicy::guarded(PrivateRanges::Allowed).refuse(own.clone());
    for address in ["10.96.0.1", "::ffff:10.96.0.1", "64:ff9b::a60:1", "34.1.2.3"] {
        assert!(refused(&policy, address), "{address}");
    }
    assert!(!refused(&policy, "10.96.0.2"));
    own.add([ip("10.96.0.2")]);
    assert!(refused(&policy, "10.96.0.2") && refused(&policy, "10.96.0.1"), "what is learned later holds");
    own.replace([ip("10.96.0.2")]);
    assert!(!refused(&policy, "10.96.0.1"));
}

#[test]
fn filtering_keeps_what_may_be_dialled_or_says_why_nothing_may() {
    let policy = AddressPolicy::guarded(PrivateRanges::Refused);
    let address = |text: &str| SocketAddr::new(ip(text), 5432);
    let mixed = policy.filter([address("127.0.0.1"), address("8.8.8.8"), address("10.0.0.1")]);
    assert_eq!(mixed.expect("one may be dialled"), [address("8.8.8.8")]);
    let none = policy.filter([address("127.0.0.1"), address("10.0.0.1")]).expect_err("all are refused");
    assert_eq!(none.kind(), ErrorKind::AddressRefused);
    assert!(none.to_string().contains("loopback"), "{none}");
    let empty = policy.filter([]).expect_err("there is none");
    assert_eq!(empty.kind(), ErrorKind::Unreachable);
}

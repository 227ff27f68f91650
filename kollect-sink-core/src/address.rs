//! Which addresses may be dialled. It resolves no names and opens no connection.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, PoisonError, RwLock};

use ipnet::IpNet;

use crate::error::{Error, ErrorKind, Result};

/// Whether private ranges (RFC 1918, 100.64.0.0/10, unique local addresses) may be dialled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PrivateRanges {
    /// They may.
    Allowed,
    /// They may not.
    Refused,
}

/// Which addresses a destination may dial. The default allows all, which suits a program whose own author
/// names the destinations; a program that dials what its users name wants [`AddressPolicy::guarded`].
///
/// Every resolved address of every hop is to be checked, and the checked address is the one to dial.
#[derive(Clone, Debug, Default)]
pub struct AddressPolicy(Option<Guard>);

#[derive(Clone, Debug)]
struct Guard {
    private: PrivateRanges,
    allowed: Vec<IpNet>,
    refused: RefusedAddresses,
}

/// Single addresses that are refused, such as those of an API server and its nodes. Clones share them: what is told to
/// one holds for the next dial of all.
#[derive(Clone, Debug, Default)]
pub struct RefusedAddresses(Arc<RwLock<BTreeSet<IpAddr>>>);

impl RefusedAddresses {
    /// Refuses these, and no others any more.
    pub fn replace(&self, addresses: impl IntoIterator<Item = IpAddr>) {
        let addresses = addresses.into_iter().map(canonical).collect();
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = addresses;
    }

    /// Refuses these as well.
    pub fn add(&self, addresses: impl IntoIterator<Item = IpAddr>) {
        let addresses = addresses.into_iter().map(canonical);
        self.0.write().unwrap_or_else(PoisonError::into_inner).extend(addresses);
    }

    fn contain(&self, canonical: &IpAddr) -> bool {
        self.0.read().unwrap_or_else(PoisonError::into_inner).contains(canonical)
    }
}

impl AddressPolicy {
    /// Refuses loopback, link-local and metadata addresses, and all else that no destination of a user has
    /// business with; private ranges as told.
    pub fn guarded(private: PrivateRanges) -> Self {
        Self(Some(Guard { private, allowed: Vec::new(), refused: RefusedAddresses::default() }))
    }

    /// Allows `net` whatever else is refused.
    #[must_use]
    pub fn allow(mut self, net: IpNet) -> Self {
        if let Some(guard) = &mut self.0 {
            guard.allowed.push(net);
        }
        self
    }

    /// Refuses these addresses, as they are at each check; [`AddressPolicy::allow`] wins.
    #[must_use]
    pub fn refuse(mut self, addresses: RefusedAddresses) -> Self {
        if let Some(guard) = &mut self.0 {
            guard.refused = addresses;
        }
        self
    }

    /// Whether `address` may be dialled. Forms that carry an IPv4 address (mapped, compatible, NAT64, 6to4)
    /// are judged by that one.
    ///
    /// # Errors
    /// `AddressRefused`, which names the address and the reason.
    pub fn check(&self, address: IpAddr) -> Result<()> {
        let Some(guard) = &self.0 else { return Ok(()) };
        let meant = canonical(address);
        if guard.allowed.iter().any(|net| net.contains(&address) || net.contains(&meant)) {
            return Ok(());
        }
        let reason = match classify(meant) {
            _ if guard.refused.contain(&meant) => "it belongs to the cluster's own machinery",
            Class::Never(reason) => reason,
            Class::Private if guard.private == PrivateRanges::Refused => "private ranges are not allowed",
            Class::Private | Class::Public => return Ok(()),
        };
        Err(Error::new(
            ErrorKind::AddressRefused,
            format!("the address {address} may not be dialled: {reason}"),
        ))
    }

    /// The addresses of `resolved` that may be dialled, in their order; at least one.
    ///
    /// # Errors
    /// `AddressRefused` with the first reason where all are refused, `Unreachable` where there was none.
    pub fn filter(&self, resolved: impl IntoIterator<Item = SocketAddr>) -> Result<Vec<SocketAddr>> {
        let mut refused = None;
        let mut allowed = Vec::new();
        for address in resolved {
            match self.check(address.ip()) {
                Ok(()) => allowed.push(address),
                Err(error) => refused = refused.or(Some(error)),
            }
        }
        match (allowed.is_empty(), refused) {
            (false, _) => Ok(allowed),
            (true, Some(error)) => Err(error),
            (true, None) => Err(Error::new(ErrorKind::Unreachable, "the name resolves to no address")),
        }
    }
}

/// The address that is really meant: the IPv4 one, where an IPv6 form carries it.
fn canonical(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V6(v6) => embedded(v6).map_or(address, IpAddr::V4),
        IpAddr::V4(_) => address,
    }
}

fn embedded(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let (high, low) = match address.segments() {
        // 6to4 (RFC 3056).
        [0x2002, high, low, ..] => (high, low),
        // Mapped, and compatible (RFC 4291); `::` and `::1` are addresses of their own.
        [0, 0, 0, 0, 0, 0xffff, high, low] => (high, low),
        [0, 0, 0, 0, 0, 0, high, low] if high > 0 => (high, low),
        // NAT64's well-known prefix (RFC 6052), and the local-use one (RFC 8215) in its usual /96 form.
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] | [0x64, 0xff9b, 1, _, _, _, high, low] => (high, low),
        _ => return None,
    };
    Some(Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low)))
}

enum Class {
    Never(&'static str),
    Private,
    Public,
}

const METADATA: &str = "it is a cloud metadata address";
const RESERVED: &str = "it is reserved";

fn classify(address: IpAddr) -> Class {
    match address {
        IpAddr::V4(address) => classify_v4(address),
        IpAddr::V6(address) => classify_v6(address),
    }
}

fn classify_v4(address: Ipv4Addr) -> Class {
    match address.octets() {
        [169, 254, 169, 254] | [168, 63, 129, 16] | [100, 100, 100, 200] => Class::Never(METADATA),
        [169, 254, ..] => Class::Never("it is link-local"),
        [127, ..] => Class::Never("it is loopback"),
        [0, ..] => Class::Never("it is unspecified"),
        [224..=239, ..] => Class::Never("it is multicast"),
        // IETF protocol assignments (one cloud has its metadata here), and what is reserved or broadcast.
        [192, 0, 0, _] | [240..=255, ..] => Class::Never(RESERVED),
        [10, ..] | [172, 16..=31, ..] | [192, 168, ..] | [100, 64..=127, ..] | [198, 18..=19, ..] => {
            Class::Private
        }
        _ => Class::Public,
    }
}

fn classify_v6(address: Ipv6Addr) -> Class {
    match address.segments() {
        [0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254] | [0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254] => {
            Class::Never(METADATA)
        }
        [0, 0, 0, 0, 0, 0, 0, 0] => Class::Never("it is unspecified"),
        [0, 0, 0, 0, 0, 0, 0, _] => Class::Never("it is loopback"),
        [0xfe80..=0xfebf, ..] => Class::Never("it is link-local"),
        [0xff00..=0xffff, ..] => Class::Never("it is multicast"),
        // Teredo hides an IPv4 address, and the discard prefix leads nowhere.
        [0x2001, 0, ..] | [0x100, 0, 0, 0, ..] => Class::Never(RESERVED),
        [0xfc00..=0xfdff, ..] | [0xfec0..=0xfeff, ..] => Class::Private,
        _ => Class::Public,
    }
}

#[cfg(test)]
mod tests;

//! IP addresses and networks, as Kubernetes' ip and cidr libraries read them: no zones, no IPv4 in IPv6. It asks no
//! network.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use cel::common::types::STRING_TYPE;
use cel::common::value::CowVal;
use cel::{DeclarationError, ExecutionError};

use super::super::budget::arguments;
use super::opaque::opaque;
use super::{Answer, Args, Declarations, failed, number, string, truth, undefined, words};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Address(IpAddr);

opaque!(Address, "net.IP");

/// An address and how many of its bits name the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Network {
    address: Address,
    bits: u8,
}

opaque!(Network, "net.CIDR");

pub(super) fn declare(declared: &mut Declarations<'_>) -> Result<(), DeclarationError> {
    declared.text("ip", ip)?;
    declared.text("isIP", is_ip)?;
    declared.text("ip.isCanonical", is_canonical)?;
    declared.global("string", [Address::kind()], ip_text)?;
    declared.member("family", Address::kind(), [], family)?;
    declared.member("isUnspecified", Address::kind(), [], is_unspecified)?;
    declared.member("isLoopback", Address::kind(), [], is_loopback)?;
    declared.member("isLinkLocalMulticast", Address::kind(), [], is_link_local_multicast)?;
    declared.member("isLinkLocalUnicast", Address::kind(), [], is_link_local_unicast)?;
    declared.member("isGlobalUnicast", Address::kind(), [], is_global_unicast)?;
    declared.text("cidr", cidr)?;
    declared.text("isCIDR", is_cidr)?;
    declared.global("string", [Network::kind()], cidr_text)?;
    declared.member("containsIP", Network::kind(), [Address::kind()], contains_ip)?;
    declared.member("containsIP", Network::kind(), [STRING_TYPE], contains_ip)?;
    declared.member("containsCIDR", Network::kind(), [Network::kind()], contains_cidr)?;
    declared.member("containsCIDR", Network::kind(), [STRING_TYPE], contains_cidr)?;
    declared.member("ip", Network::kind(), [], cidr_ip)?;
    declared.member("prefixLength", Network::kind(), [], prefix_length)?;
    declared.member("masked", Network::kind(), [], masked)
}

impl Address {
    fn parse(text: &str) -> Option<Self> {
        match text.parse().ok()? {
            IpAddr::V6(address) if address.to_ipv4_mapped().is_some() => None,
            address => Some(Self(address)),
        }
    }

    /// Its bits, and how many they are.
    fn bits(self) -> (u128, u8) {
        match self.0 {
            IpAddr::V4(address) => (u128::from(address.to_bits()), 32),
            IpAddr::V6(address) => (address.to_bits(), 128),
        }
    }

    fn text(self) -> String {
        match self.0 {
            // The library would write the last part of some as IPv4.
            IpAddr::V6(address) if address.to_bits() >> 32 == 0 && address.to_bits() > 0xffff => {
                let [.., high, low] = address.segments();
                format!("::{high:x}:{low:x}")
            }
            address => address.to_string(),
        }
    }
}

impl Network {
    fn parse(text: &str) -> Option<Self> {
        let (address, bits) = text.rsplit_once('/')?;
        let address = Address::parse(address)?;
        let spelled =
            bits.bytes().all(|digit| digit.is_ascii_digit()) && !(bits.len() > 1 && bits.starts_with('0'));
        let bits: u8 = spelled.then(|| bits.parse().ok()).flatten()?;
        (bits <= address.bits().1).then_some(Self { address, bits })
    }

    /// What names the network in an address of the same family.
    fn prefix(self, address: Address) -> Option<u128> {
        let (bits, length) = address.bits();
        (length == self.address.bits().1)
            .then(|| bits.checked_shr(u32::from(length - self.bits)).unwrap_or(0))
    }

    fn contains(self, address: Address) -> bool {
        self.prefix(address).is_some_and(|prefix| self.prefix(self.address) == Some(prefix))
    }

    fn masked(self) -> Self {
        let (bits, length) = self.address.bits();
        let host = u32::from(length - self.bits);
        let kept = bits.checked_shr(host).and_then(|kept| kept.checked_shl(host)).unwrap_or(0);
        let address = match u32::try_from(kept) {
            Ok(kept) if length == 32 => IpAddr::V4(Ipv4Addr::from_bits(kept)),
            _ => IpAddr::V6(Ipv6Addr::from_bits(kept)),
        };
        Self { address: Address(address), bits: self.bits }
    }
}

fn parsed<T>(
    name: &str,
    text: &CowVal<'_, '_>,
    parse: fn(&str) -> Option<T>,
) -> Result<Option<T>, ExecutionError> {
    string(text).map(parse).ok_or_else(|| undefined(name, &[text]))
}

fn ip<'b, 'v>(args: Args<'b, 'v>) -> Answer<'b, 'v> {
    let [text] = arguments(args)?;
    parsed("ip", &text, Address::parse)?.map(CowVal::owned).ok_or_else(|| failed("ip"))
}

fn is_ip<'b, 'v>(args: Args<'b, 'v>) -> Answer<'b, 'v> {
    let [text] = arguments(args)?;
    Ok(truth(parsed("isIP", &text, Address::parse)?.is_some()))
}

fn is_canonical<'b, 'v>(args: Args<'b, 'v>) -> Answer<'b, 'v> {
    let [text] = arguments(args)?;
    let address = parsed("ip.isCanonical", &text, Address::parse)?.ok_or_else(|| failed("ip.isCanonical"))?;
    Ok(truth(string(&text) == Some(address.text().as_str())))
}

fn ip_text<'b, 'v>(args: Args<'b, 'v>) -> Answer<'b, 'v> {
    let [address] = arguments(args)?;
    Ok(words(Address::of(&address, "string")?.text()))
}

fn is(name: &str, args: Args<'_, '_>, test: fn(&IpAddr) -> bool) -> Result<bool, ExecutionError> {
    let [address] = arguments(args)?;
    Ok(test(&Address::of(&address, name)?.0))
}

fn family<'b, 'v>(args: Args<'b, 'v>) -> Answer<'b, 'v> {
    Ok(number(if is("family", args, IpAddr::is_ipv4)? { 4 } else { 6 }))
}

fn is_unspecified<'b, 'v>(args: Args<'b, 'v>) -> Answer<'b, 'v> {
    is("isUnspecified", args, IpAddr::is_unspecified).map(truth)
}

fn is_loopback<'b, 'v>(args: Args<'b, 'v>) -> Answer<'b, 'v> {
    is("isLoopback", args, IpAddr::is_loopback).map(truth)
}

fn is_link_local_multicast<'b, 'v>(args: Args<'b, 'v>) -> Answer<'b, 'v> {
    let test = |address: &IpAddr| match address {
        IpAddr::V4(address) => address.octets().starts_with(&[224, 0, 0]),
        IpAddr::V6(address) => address.to_bits() >> 120 == 0xff && address.to_bits() >> 112 & 0xf == 2,
    };
    is("isLinkLocalMulticast", args, test).map(truth)
}

fn is_link_local(address: &IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.is_link_local(),
        IpAddr::V6(address) => address.to_bits() >> 118 == 0xfe80 >> 6,
    }
}

fn is_link_local_unicast<'b, 'v>(args: Args<'b, 'v>) -> Answer<'b, 'v> {
    is("isLinkLocalUnicast", args, is_link_local).map(truth)
}

fn is_global_unicast<'b, 'v>(args: Args<'b, 'v>) -> Answer<'b, 'v> {
    let test = |address: &IpAddr| {
        let is_broadcast = *address == IpAddr::V4(Ipv4Addr::BROADCAST);
        let special = address.is_unspecified() || address.is_loopback() || address.is_multicast();
        !(special || is_broadcast || is_link_local(address))
    };
    is("isGlobalUnicast", args, test).map(truth)
}

fn cidr<'b, 'v>(args: Args<'b, 'v>) -> Answer<'b, 'v> {
    let [text] = arguments(args)?;
    parsed("cidr", &text, Network::parse)?.map(CowVal::owned).ok_or_else(|| failed("cidr"))
}

fn is_cidr<'b, 'v>(args: Args<'b, 'v>) -> Answer<'b, 'v> {
    let [text] = arguments(args)?;
    Ok(truth(parsed("isCIDR", &text, Network::parse)?.is_some()))
}

fn cidr_text<'b, 'v>(args: Args<'b, 'v>) -> Answer<'b, 'v> {
    let [network] = arguments(args)?;
    let network = Network::of(&network, "string")?;
    Ok(words(format!("{}/{}", network.address.text(), network.bits)))
}

fn contains_ip<'b, 'v>(args: Args<'b, 'v>) -> Answer<'b, 'v> {
    let [network, address] = arguments(args)?;
    let address = match string(&address) {
        Some(text) => Address::parse(text).ok_or_else(|| failed("containsIP"))?,
        None => *Address::of(&address, "containsIP")?,
    };
    Ok(truth(Network::of(&network, "containsIP")?.contains(address)))
}

fn contains_cidr<'b, 'v>(args: Args<'b, 'v>) -> Answer<'b, 'v> {
    let [network, other] = arguments(args)?;
    let other = match string(&other) {
        Some(text) => Network::parse(text).ok_or_else(|| failed("containsCIDR"))?,
        None => *Network::of(&other, "containsCIDR")?,
    };
    let network = Network::of(&network, "containsCIDR")?;
    Ok(truth(network.contains(other.address) && network.bits <= other.bits))
}

fn cidr_ip<'b, 'v>(args: Args<'b, 'v>) -> Answer<'b, 'v> {
    let [network] = arguments(args)?;
    Ok(CowVal::owned(Network::of(&network, "ip")?.address))
}

fn prefix_length<'b, 'v>(args: Args<'b, 'v>) -> Answer<'b, 'v> {
    let [network] = arguments(args)?;
    Ok(number(i64::from(Network::of(&network, "prefixLength")?.bits)))
}

fn masked<'b, 'v>(args: Args<'b, 'v>) -> Answer<'b, 'v> {
    let [network] = arguments(args)?;
    Ok(CowVal::owned(Network::of(&network, "masked")?.masked()))
}

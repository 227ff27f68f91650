//! An authority of our own and the certificate that it signs, in PEM. Where they are kept is `certificate`'s.

use jiff::civil::Date;
use jiff::{ToSpan, Zoned};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, date_time_ymd,
};

/// Years that the authority lasts.
const AUTHORITY_YEARS: i32 = 10;
/// Days that a certificate lasts.
const CERTIFICATE_DAYS: i32 = 90;
/// Days before its end at which something is made anew.
const RENEW_DAYS: i32 = 30;

/// The authority and the certificate of a server, with the days on which they end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Bundle {
    pub(super) ca_certificate: String,
    pub(super) ca_key: String,
    pub(super) ca_ends: String,
    pub(super) certificate: String,
    pub(super) key: String,
    pub(super) ends: String,
    /// Whom the certificate names.
    pub(super) hosts: String,
}

impl Bundle {
    /// What should stand in the place of this one: itself while it lasts and names the hosts, else a new certificate of
    /// the same authority, and of a new authority only where that ends too.
    pub(super) fn renewed(&self, hosts: &[String], today: Date) -> Result<Option<Self>, rcgen::Error> {
        let lasts = |ends: &str| ends.parse::<Date>().is_ok_and(|ends| days(today, RENEW_DAYS) < ends);
        let named = self.hosts == hosts.join(",");
        if lasts(&self.ca_ends) && lasts(&self.ends) && named {
            return Ok(None);
        }
        let mut next = self.clone();
        let authority = match KeyPair::from_pem(&self.ca_key) {
            Ok(key) if lasts(&self.ca_ends) => Issuer::new(authority(today)?.0, key),
            _ => {
                let (params, ends) = authority(today)?;
                let key = KeyPair::generate()?;
                // The one before stays trusted: replicas show its certificates until they look again.
                next.ca_certificate = params.self_signed(&key)?.pem() + first(&self.ca_certificate);
                next.ca_key = key.serialize_pem();
                next.ca_ends = ends.to_string();
                Issuer::new(params, key)
            }
        };
        let ends = days(today, CERTIFICATE_DAYS);
        let mut params = CertificateParams::new(hosts.to_vec())?;
        let name = hosts.first().map(String::as_str).unwrap_or_default();
        params.distinguished_name.push(DnType::CommonName, name.chars().take(64).collect::<String>());
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.use_authority_key_identifier_extension = true;
        period(&mut params, today, ends);
        let key = KeyPair::generate()?;
        next.certificate = params.signed_by(&key, &authority)?.pem();
        next.key = key.serialize_pem();
        next.ends = ends.to_string();
        next.hosts = hosts.join(",");
        Ok(Some(next))
    }
}

/// The first certificate of a bundle.
fn first(bundle: &str) -> &str {
    const END: &str = "-----END CERTIFICATE-----\n";
    let text = bundle.find(END.trim_end()).map(|at| at + END.len());
    text.and_then(|end| bundle.get(..end.min(bundle.len()))).unwrap_or_default()
}

/// The authority is known by its name and key, so that one that was kept signs again.
fn authority(today: Date) -> Result<(CertificateParams, Date), rcgen::Error> {
    let ends = today.checked_add(AUTHORITY_YEARS.years()).unwrap_or(Date::MAX);
    let mut params = CertificateParams::new(Vec::<String>::new())?;
    params.distinguished_name.push(DnType::CommonName, "kollect webhook authority");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    period(&mut params, today, ends);
    Ok((params, ends))
}

/// From yesterday, for clocks that are late.
fn period(params: &mut CertificateParams, today: Date, ends: Date) {
    let moment = |date: Date| {
        let (month, day) = (date.month().unsigned_abs(), date.day().unsigned_abs());
        date_time_ymd(date.year().into(), month, day)
    };
    params.not_before = moment(days(today, -1));
    params.not_after = moment(ends);
}

fn days(date: Date, count: i32) -> Date {
    date.checked_add(count.days()).unwrap_or(date)
}

/// The day, in UTC.
pub(super) fn today() -> Date {
    Zoned::now().with_time_zone(jiff::tz::TimeZone::UTC).date()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_is_renewed_before_it_ends_and_its_authority_stays() {
        let hosts = ["kollect.kollect-system.svc".to_owned(), "127.0.0.1".to_owned()];
        let start = jiff::civil::date(2026, 1, 1);
        let first = Bundle::default().renewed(&hosts, start).unwrap().unwrap();
        assert_eq!(first.ends, "2026-04-01");
        assert_eq!(first.renewed(&hosts, days(start, 59)).unwrap(), None);
        let second = first.renewed(&hosts, days(start, 60)).unwrap().unwrap();
        assert_eq!(second.ca_certificate, first.ca_certificate);
        assert_ne!(second.certificate, first.certificate);
        assert_eq!(second.ends, "2026-05-31");
    }

    #[test]
    fn other_hosts_need_another_certificate_and_an_old_authority_another_one() {
        let start = jiff::civil::date(2026, 1, 1);
        let hosts = ["a.b.svc".to_owned()];
        let first = Bundle::default().renewed(&hosts, start).unwrap().unwrap();
        let moved = first.renewed(&["c.b.svc".to_owned()], start).unwrap().unwrap();
        assert_eq!(moved.ca_certificate, first.ca_certificate);
        let late = jiff::civil::date(2035, 12, 15);
        let other = first.renewed(&hosts, late).unwrap().unwrap();
        assert_ne!(other.ca_certificate, first.ca_certificate);
        assert!(other.ca_certificate.ends_with(&first.ca_certificate), "the old one is still trusted");
        let third = other.renewed(&hosts, jiff::civil::date(2045, 12, 15)).unwrap().unwrap();
        assert_eq!(third.ca_certificate.matches("BEGIN CERTIFICATE").count(), 2, "and not for ever");
        let broken = Bundle { ca_key: "nonsense".to_owned(), ..first.clone() };
        assert_ne!(
            broken.renewed(&["d".to_owned()], start).unwrap().unwrap().ca_certificate,
            first.ca_certificate
        );
    }
}

//! The types and reasons of conditions as closed enums, and how a list of conditions changes. When a condition holds is
//! decided by the reconcilers.

use std::fmt;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};

/// Defines an enum whose variants are written as they are named, unless a word follows.
macro_rules! words {
    ($(#[$meta:meta])* $name:ident { $($(#[$doc:meta])* $variant:ident $(= $word:literal)?,)+ }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $($(#[$doc])* $variant,)+ }

        impl $name {
            /// All of them, in the order of their definition.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The word on the wire.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => words!(@word $variant $($word)?),)+ }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
    (@word $variant:ident $word:literal) => { $word };
    (@word $variant:ident) => { stringify!($variant) };
}

words! {
    /// What a condition is about.
    ConditionType {
        /// The object does what it is for.
        Ready,
        /// What it collects or exports is complete and current.
        Synced,
        /// Something blocks it.
        Degraded,
        /// Its sinks answered at the last contact.
        SinkReachable,
        /// The sink passed its last connection test.
        ConnectionVerified,
        /// The sink accepts any certificate.
        TlsInsecure = "TLSInsecure",
        /// The last export of a cluster inventory succeeded.
        ExportSucceeded,
    }
}

words! {
    /// Whether a condition holds.
    Status {
        /// It holds.
        True,
        /// It does not hold.
        False,
        /// Nobody can tell.
        Unknown,
    }
}

words! {
    /// Why a condition holds or does not.
    Reason {
        /// Targets: objects are being collected.
        Collecting,
        /// Targets: the first list has not ended.
        Syncing,
        /// The object is suspended.
        Suspended,
        /// Targets: the profile does not exist.
        ProfileNotFound,
        /// Targets: the profile may not be read.
        ProfileForbidden,
        /// The object's own fields are wrong.
        InvalidSpec,
        /// Targets: the scope denies the kind.
        ScopeGvkDenied = "ScopeGVKDenied",
        /// Targets: the scope denies the namespaces.
        ScopeNamespaceDenied,
        /// Targets: RBAC denies some namespaces.
        ScopeForbidden,
        /// Targets: the API server does not have the kind.
        KindNotFound,
        /// Targets: RBAC denies the kind.
        AccessDenied,
        /// Targets: extraction failed.
        ExtractionFailed,
        /// Targets: an inventory of the namespace has a sink.
        SinksReachable,
        /// Targets: no inventory of the namespace has a sink.
        NoSinksInNamespace,
        /// Inventories: the sinks hold what the inventory holds.
        Exported,
        /// Inventories: no sink is named.
        NoExport,
        /// Inventories: before the first complete pass.
        Progressing,
        /// Inventories: a sink is behind or failing.
        PartiallySynced,
        /// Inventories: the scope denies the sink.
        ScopeSinkDenied,
        /// The sink does not exist.
        SinkNotFound,
        /// Inventories: the sink may not be read, or refuses us.
        SinkForbidden,
        /// Inventories: the sink does not answer.
        SinkUnreachable,
        /// Inventories: the sink's namespace is denied.
        SinkNamespaceDenied,
        /// Inventories: the sink refuses until something changes.
        ExportTerminal,
        /// The sink's type is not in this build.
        ExportUnavailable,
        /// Inventories: a document that its store cannot hold.
        PayloadTooLarge,
        /// Inventories: no target contributes.
        NoTargets,
        /// Inventories: a target is degraded.
        TargetDegraded,
        /// Inventories: what remains in a sink could not be removed.
        CleanupTerminal,
        /// Exports: an identical payload needs no write yet.
        Debounced,
        /// Exports: the export failed and is tried again.
        ExportFailed,
        /// Exports: the sink refused some rows.
        Rejected,
        /// Sinks: the connection test passed.
        ConnectionOk = "ConnectionOK",
        /// Sinks: no connection test was asked for.
        NotTested,
        /// The connection test failed.
        ConnectionTestFailed,
        /// A Secret or one of its keys could not be read.
        SecretResolveFailed,
        /// Sinks: certificates are not checked.
        InsecureSkipVerify,
        /// Connection tests: the probe passed.
        ProbeSucceeded,
        /// Connection tests: not exactly one sink is named.
        InvalidSinkRef,
        /// Profiles: every path compiles.
        Compiled,
        /// Profiles: a path does not compile.
        InvalidPath,
        /// Scopes: another scope of the place rules.
        Shadowed,
    }
}

/// A condition as it should stand, without its times.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// What it is about.
    pub type_: ConditionType,
    /// Whether it holds.
    pub status: Status,
    /// Why.
    pub reason: Reason,
    /// Why, for a reader; without secrets. Cut at 32,768 characters.
    pub message: String,
}

impl Wanted {
    /// A condition with all its parts.
    #[must_use]
    pub fn new(type_: ConditionType, status: Status, reason: Reason, message: impl Into<String>) -> Self {
        Self { type_, status, reason, message: message.into() }
    }
}

/// What [`set`] did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The condition stood like that.
    Same,
    /// Reason, message or generation changed.
    Updated,
    /// The status changed, or the condition is new.
    Transitioned,
}

const MAX_MESSAGE: usize = 32_768;

/// Makes `conditions` hold `wanted`. The transition time moves only with the status. `generation` is that of the object
/// that was judged, `now` the time of the judgement.
pub fn set(conditions: &mut Vec<Condition>, wanted: Wanted, generation: Option<i64>, now: &Time) -> Outcome {
    let message = match wanted.message.char_indices().nth(MAX_MESSAGE) {
        Some((end, _)) => wanted.message.get(..end).unwrap_or_default().to_owned(),
        None => wanted.message,
    };
    let mut next = Condition {
        type_: wanted.type_.as_str().to_owned(),
        status: wanted.status.as_str().to_owned(),
        reason: wanted.reason.as_str().to_owned(),
        message,
        observed_generation: generation,
        last_transition_time: now.clone(),
    };
    let Some(current) = conditions.iter_mut().find(|current| current.type_ == next.type_) else {
        conditions.push(next);
        return Outcome::Transitioned;
    };
    if current.status != next.status {
        *current = next;
        return Outcome::Transitioned;
    }
    next.last_transition_time = current.last_transition_time.clone();
    if *current == next {
        return Outcome::Same;
    }
    *current = next;
    Outcome::Updated
}

/// Takes a condition out; false if there was none.
pub fn remove(conditions: &mut Vec<Condition>, type_: ConditionType) -> bool {
    let before = conditions.len();
    conditions.retain(|condition| condition.type_ != type_.as_str());
    conditions.len() < before
}

/// The condition of a type.
#[must_use]
pub fn find(conditions: &[Condition], type_: ConditionType) -> Option<&Condition> {
    conditions.iter().find(|condition| condition.type_ == type_.as_str())
}

/// Whether a condition is there and `True`.
#[must_use]
pub fn is_true(conditions: &[Condition], type_: ConditionType) -> bool {
    find(conditions, type_).is_some_and(|condition| condition.status == Status::True.as_str())
}

#[cfg(test)]
mod tests {
    use k8s_openapi::jiff::Timestamp;

    use super::*;

    fn at(second: i64) -> Time {
        Time(Timestamp::from_second(second).unwrap())
    }

    #[test]
    fn the_transition_time_moves_only_with_the_status() {
        let wanted =
            |status, message: &str| Wanted::new(ConditionType::Ready, status, Reason::Collecting, message);
        let mut list = Vec::new();
        assert_eq!(set(&mut list, wanted(Status::True, "a"), Some(1), &at(1)), Outcome::Transitioned);
        assert_eq!(set(&mut list, wanted(Status::True, "a"), Some(1), &at(2)), Outcome::Same);
        assert_eq!(set(&mut list, wanted(Status::True, "b"), Some(1), &at(3)), Outcome::Updated);
        assert_eq!(list[0].last_transition_time, at(1));
        assert!(is_true(&list, ConditionType::Ready));
        assert_eq!(set(&mut list, wanted(Status::False, "b"), Some(2), &at(4)), Outcome::Transitioned);
        assert_eq!(list[0].last_transition_time, at(4));
        assert_eq!(list.len(), 1);
        assert!(remove(&mut list, ConditionType::Ready) && !remove(&mut list, ConditionType::Ready));
    }

    #[test]
    fn a_long_message_is_cut_between_characters() {
        let mut list = Vec::new();
        let wanted = Wanted::new(
            ConditionType::Ready,
            Status::False,
            Reason::InvalidSpec,
            "é".repeat(MAX_MESSAGE + 5),
        );
        set(&mut list, wanted, None, &at(1));
        assert_eq!(list[0].message.chars().count(), MAX_MESSAGE);
    }

    #[test]
    fn words_with_initialisms_are_spelt_as_the_api_has_them() {
        assert_eq!(ConditionType::TlsInsecure.as_str(), "TLSInsecure");
        assert_eq!(Reason::ScopeGvkDenied.as_str(), "ScopeGVKDenied");
        assert_eq!(Reason::ConnectionOk.to_string(), "ConnectionOK");
        assert_eq!(Reason::Debounced.to_string(), "Debounced");
    }
}

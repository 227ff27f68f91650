//! Cases about what an export must leave alone. They know no driver.

use futures::TryStreamExt;

use crate::partition::{GroupKind, Namespaces, Pattern, Target, Unknown};
use crate::row::Row;
use crate::scope::{Scope, Text};
use crate::sink::{Held, Listing};

use super::super::fixture::Damage;
use super::super::rows::{awkward, changed, fleet, namespace_pattern, row};
use super::super::source::Source;
use super::super::subject::{Failure, Subject, scope};

/// Fills all scopes with the same keys, and then changes, empties and retires them one by one.
async fn apart(subject: &Subject<'_>, scopes: &[Scope]) -> Result<(), Failure> {
    let rows = |scope: &Scope| -> Result<Vec<Row>, Failure> {
        let mark = |row: &Row| changed(row, &format!("{{\"of\":\"{scope}\"}}"));
        Ok(fleet(11)?.iter().map(mark).collect())
    };
    let mut reached = Vec::new();
    for scope in scopes {
        reached.push(subject.fill(scope, &Source::of(rows(scope)?).view()).await?);
    }
    for (scope, reached) in scopes.iter().zip(&reached) {
        subject.holds(scope, &rows(scope)?).await?;
        let found = subject.sink.checkpoint(scope).await?;
        subject.same("the checkpoint of a scope among others", found.as_ref(), Some(reached))?;
    }
    if subject.takes_full_states().is_err() {
        return Ok(());
    }
    for (index, (scope, base)) in scopes.iter().zip(&reached).enumerate() {
        let emptied = subject.full(scope, base, &Source::default().view()).await?;
        subject.holds(scope, []).await?;
        if index % 2 == 0 {
            subject.end(scope, &emptied.reached).await?;
        }
        for (other, reached) in scopes.iter().zip(&reached).skip(index + 1) {
            subject.holds(other, &rows(other)?).await?;
            let found = subject.sink.checkpoint(other).await?;
            subject.same("the checkpoint of another scope", found.as_ref(), Some(reached))?;
        }
    }
    Ok(())
}

pub(super) async fn two_scopes_do_not_touch(subject: &Subject<'_>) -> Result<(), Failure> {
    // Names that meet where namespace and name are joined carelessly, or where a prefix is taken for a name.
    let scopes = [
        Scope::new("cluster-1", "team", "inventory"),
        Scope::new("cluster-1", "team", "inventory-2"),
        Scope::new("cluster-1", "team-inventory", "a"),
        Scope::new("cluster-1", "team", "inventory-a"),
        Scope::new("cluster-1", "", "inventory"),
        Scope::new("cluster-1", "", "team"),
        Scope::new("cluster-1", "team", "a.b"),
        Scope::new("cluster-1", "team", "a-b"),
    ];
    apart(subject, &scopes).await
}

pub(super) async fn two_clusters_do_not_touch(subject: &Subject<'_>) -> Result<(), Failure> {
    let scopes = ["", "a", "b", "a.b", "a-b", "A"].map(|cluster| Scope::new(cluster, "team", "inventory"));
    apart(subject, &scopes).await
}

pub(super) async fn foreign_data_survives(subject: &Subject<'_>) -> Result<(), Failure> {
    subject.takes_full_states()?;
    let intact = async |when: &str| {
        let intact = subject.destination.foreign_data_intact().await?;
        subject.check(intact, || format!("{when} touched the data of others"))
    };
    subject.destination.inflict(&scope(), Damage::PlantForeignData).await??;
    intact("planting").await?;
    let filled = subject.fill(&scope(), &Source::of(fleet(9)?).view()).await?;
    subject.holds(&scope(), &fleet(9)?).await?;
    intact("a first export").await?;
    let fewer = subject.full(&scope(), &filled, &Source::of(fleet(3)?).view()).await?;
    subject.holds(&scope(), &fleet(3)?).await?;
    intact("a full pass with deletions").await?;
    subject.end(&scope(), &fewer.reached).await?;
    subject.holds(&scope(), []).await?;
    intact("the end of the scope").await
}

pub(super) async fn unknown_partitions_keep_rows(subject: &Subject<'_>) -> Result<(), Failure> {
    subject.reconciles()?;
    let here = row("t0", "here", "1", "{}")?;
    let namespace = row("t0", "lost", "2", "{}")?;
    let target = row("lost", "here", "3", "{}")?;
    let cluster = row("t1", "", "4", "{}")?;
    let rows = [&here, &namespace, &target, &cluster];
    let all = Source::of(rows.map(Row::clone));
    let mut reached = subject.fill(&scope(), &all.view()).await?;

    let of = |target: &str, kind: Option<&str>, namespace: Option<&str>| {
        let kind = kind.map(|kind| GroupKind { group: "apps".into(), kind: kind.into() });
        Pattern::new(Target::new("team-a", target), kind, namespace.map(Into::into))
    };
    let except = |target: &str, namespaces: &[&str]| Pattern {
        target: Target::new("team-a", target),
        kind: None,
        namespaces: Namespaces::Except(namespaces.iter().map(|name| Text::from(*name)).collect()),
    };
    // Each grain of a pattern, and what it leaves of the rows that the source lacks.
    let grains: [(Vec<Pattern>, Vec<&Row>); 6] = [
        (
            vec![of("lost", None, None), namespace_pattern("t0", "lost"), of("t1", None, Some(""))],
            rows.to_vec(),
        ),
        (vec![except("t0", &["here"]), of("lost", None, None), of("t1", None, Some(""))], rows.to_vec()),
        (vec![of("lost", Some("Deployment"), None), of("t1", None, None)], vec![&here, &target, &cluster]),
        // What belongs to no namespace is in none that a pattern leaves over.
        (vec![of("lost", Some("Deployment"), Some("here")), except("t1", &["here"])], vec![&here, &target]),
        (vec![of("lost", Some("StatefulSet"), None), of("lost", None, Some("elsewhere"))], vec![&here]),
        (vec![], vec![&here]),
    ];
    for (patterns, left) in grains {
        let mut source = Source::of([here.clone()]);
        let unknown: Unknown = patterns.into_iter().collect();
        source.set_unknown(unknown.clone());
        reached = subject.full(&scope(), &reached, &source.view()).await?.reached;
        subject.same("what is remembered as unknown", reached.unknown.clone(), unknown)?;
        subject.holds(&scope(), left).await?;
    }
    Ok(())
}

pub(super) async fn listing_shows_what_is_held(subject: &Subject<'_>) -> Result<(), Failure> {
    let mut rows = awkward()?;
    rows.extend(fleet(50)?);
    subject.fill(&scope(), &Source::of(rows.clone()).view()).await?;
    subject.fill(&Scope::new("cluster-1", "team-a", "other"), &Source::of(fleet(3)?).view()).await?;
    let wanted: Vec<Held> = Source::of(rows).rows().map(Held::of).collect();
    for listing in [Listing::Recorded, Listing::Recomputed] {
        let batches = subject.sink.list(&scope(), listing).try_collect::<Vec<_>>().await;
        let mut found = batches.map_err(crate::error::Error::from)?.concat();
        if listing == Listing::Recorded {
            // Names are not recorded everywhere.
            for (found, wanted) in found.iter_mut().zip(&wanted).filter(|(found, _)| found.name.is_none()) {
                found.name.clone_from(&wanted.name);
            }
        }
        let first = found.iter().zip(&wanted).find(|(found, wanted)| found != wanted);
        let lengths = (found.len(), wanted.len());
        subject.check(found == wanted, || format!("{listing:?} lists {lengths:?} rows; first: {first:?}"))?;
    }
    let nowhere = Scope::new("cluster-1", "team-a", "nowhere");
    let none = subject.sink.list(&nowhere, Listing::Recorded).try_collect::<Vec<_>>().await;
    subject.same("rows of a scope that never was", none.map_err(crate::error::Error::from)?.concat(), vec![])
}

//! The model as a fixture: also the pattern for those of real backends.

use std::sync::Arc;

use futures::future::{BoxFuture, FutureExt};

use crate::scope::Scope;
use crate::sink::Sink;

use super::super::fixture::{
    Contents, Damage, Destination, Fixture, FixtureError, Memory, NotApplicable, Traits,
};
use super::super::rows::{item, row};
use super::{Reference, Style};

/// Makes model destinations of one style.
#[derive(Clone, Copy, Debug)]
pub struct ReferenceFixture(pub Style);

const NO_SERVER: NotApplicable = NotApplicable("the model has no server");

impl Fixture for ReferenceFixture {
    fn traits(&self) -> Traits {
        Traits {
            refused: row("t", "ns", "refused", r#"{"text":"a\u0000b"}"#)
                .map_err(|_| NotApplicable("the key cannot be made")),
            largest_row: usize::MAX,
            memory: Memory::Ours,
        }
    }

    fn fresh(&self) -> BoxFuture<'_, Result<Box<dyn Destination>, FixtureError>> {
        let destination: Box<dyn Destination> = Box::new(Reference::new(self.0));
        async move { Ok(destination) }.boxed()
    }

    fn wrong_credentials(&self) -> Result<(Arc<dyn Sink>, String), NotApplicable> {
        Err(NO_SERVER)
    }

    fn unreachable(&self) -> Result<Arc<dyn Sink>, NotApplicable> {
        Err(NO_SERVER)
    }
}

/// The scope of somebody else's rows.
fn foreign_scope() -> Scope {
    Scope::new("elsewhere", "theirs", "theirs")
}

impl Destination for Reference {
    fn open(&self) -> Result<Arc<dyn Sink>, FixtureError> {
        Ok(Arc::new(self.clone()))
    }

    fn read_back<'a>(&'a self, scope: &'a Scope) -> BoxFuture<'a, Result<Contents, FixtureError>> {
        let contents = self.rows(scope).into_iter().map(|(key, row)| (key, item(&row))).collect();
        async move { Ok(contents) }.boxed()
    }

    fn inflict<'a>(
        &'a self,
        scope: &'a Scope,
        damage: Damage,
    ) -> BoxFuture<'a, Result<Result<(), NotApplicable>, FixtureError>> {
        async move {
            let mut all = self.lock();
            match damage {
                Damage::LoseCheckpoint => all.entry(scope.clone()).or_default().checkpoint = None,
                Damage::GarbleCheckpoint => all.entry(scope.clone()).or_default().garbled = true,
                Damage::PlantForeignData => {
                    let row = row("t", "ns", "theirs", "{}")?;
                    all.entry(foreign_scope()).or_default().rows.insert(row.identity().to_key(), row);
                }
            }
            Ok(Ok(()))
        }
        .boxed()
    }

    fn foreign_data_intact(&self) -> BoxFuture<'_, Result<bool, FixtureError>> {
        async move { Ok(self.rows(&foreign_scope()).len() == 1) }.boxed()
    }
}

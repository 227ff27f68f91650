//! Lists beside a running watch: for targets that joined later, and for namespaces that entered a selection.
//! They do not watch.

use std::sync::Arc;
use std::time::Duration;

use kollect_sink_core::{Target, Text};
use kube::Api;
use tokio::time::sleep;

use super::kind_watch::Shared;
use super::open_list::OpenList;
use super::page;
use super::part::{Ended, Report};
use super::reach::Selectors;
use crate::engine::{CompiledTarget, Kind, RawObject};

/// How long a failed one waits before it is repeated.
const RETRY: Duration = Duration::from_secs(3);

/// What to list again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Relist {
    /// For whom.
    pub(super) targets: Vec<Target>,
    /// Where; all namespaces where absent.
    pub(super) namespace: Option<Text>,
}

/// One list, for some of a watch's targets.
pub(super) struct SideList {
    pub(super) shared: Shared,
    pub(super) kind: Kind,
    pub(super) api: Api<RawObject>,
    pub(super) selectors: Selectors,
    pub(super) targets: Vec<Arc<CompiledTarget>>,
    pub(super) namespace: Option<Text>,
}

impl SideList {
    /// Lists, and sweeps what the targets no longer have; repeats it until that worked, or says that it is forbidden.
    /// Dropping the future sweeps nothing.
    pub(super) async fn run(self) -> Option<Report> {
        while let Err(error) = self.attempt().await {
            if let kube::Error::Api(status) = &error
                && status.code == 403
            {
                return Some(Report { place: self.namespace, what: Ended::Denied(status.message.clone()) });
            }
            tracing::warn!(kind = %self.kind, error = crate::error::chain(&error), "list failed, will be repeated");
            for target in &self.targets {
                let kind = self.kind.group_kind();
                self.shared.engine.store().amend(&target.target, |gaps| {
                    gaps.give_up(&kind, self.namespace.as_ref());
                });
            }
            sleep(RETRY).await;
        }
        None
    }

    async fn attempt(&self) -> Result<(), kube::Error> {
        let _permit = self.shared.lists.acquire().await.ok();
        let list = OpenList::begin(&self.shared.engine, &self.kind, &self.targets, self.namespace.as_ref());
        page::each(&self.api, self.selectors.list_params(), |object| list.observe(object)).await?;
        list.end();
        Ok(())
    }
}

//! The addresses of the cluster's own machinery, as they are now. Refusing them is the address policy's.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::Duration;

use k8s_openapi::api::core::v1::{Endpoints, Node, Service};
use kollect_sink_core::address::RefusedAddresses;
use kube::api::ListParams;
use kube::{Api, Client};

/// Nodes in one page of a list: each may hold 50 KB, of images mostly.
const PAGE: u32 = 50;

/// Reads where the API server is reached, the addresses of its Service and behind it, and those of the nodes.
pub struct OwnAddresses {
    client: Client,
    host: String,
    known: RefusedAddresses,
}

impl OwnAddresses {
    /// Of the cluster of `client`, whose API server is reached at `host`. Nothing is known before the first
    /// [`OwnAddresses::read`].
    pub fn new(client: &Client, host: &str) -> Self {
        Self { client: client.clone(), host: host.to_owned(), known: RefusedAddresses::default() }
    }

    /// What is known, now and later.
    pub fn known(&self) -> RefusedAddresses {
        self.known.clone()
    }

    /// Reads again each time that much has passed, for ever.
    pub async fn follow(self, every: Duration) {
        loop {
            tokio::time::sleep(every).await;
            self.read().await;
        }
    }

    /// Reads them once. What cannot be read is as it was, and is told in the log.
    pub async fn read(&self) {
        let mut own = BTreeSet::new();
        let mut whole = true;
        match tokio::net::lookup_host((self.host.as_str(), 443)).await {
            Ok(found) => own.extend(found.map(|address| address.ip())),
            Err(_) => whole = false,
        }
        let reads = [
            ("Service default/kubernetes", self.service().await),
            ("Endpoints default/kubernetes", self.endpoints().await),
            ("nodes", self.nodes().await),
        ];
        for (what, read) in reads {
            match read {
                Ok(found) => own.extend(found.iter().filter_map(|address| address.parse::<IpAddr>().ok())),
                Err(error) => {
                    let error = crate::error::chain(&error);
                    tracing::warn!(
                        error,
                        "cannot read {what}: sinks at these addresses are not refused as such"
                    );
                    whole = false;
                }
            }
        }
        if whole {
            self.known.replace(own);
        } else {
            self.known.add(own);
        }
    }

    async fn service(&self) -> Result<Vec<String>, kube::Error> {
        let services: Api<Service> = Api::namespaced(self.client.clone(), "default");
        let spec = services.get_opt("kubernetes").await?.and_then(|service| service.spec);
        Ok(spec.and_then(|spec| spec.cluster_ips).unwrap_or_default())
    }

    async fn endpoints(&self) -> Result<Vec<String>, kube::Error> {
        let endpoints: Api<Endpoints> = Api::namespaced(self.client.clone(), "default");
        let sets = endpoints.get_opt("kubernetes").await?.and_then(|endpoints| endpoints.subsets);
        let addresses = sets.into_iter().flatten().flat_map(|set| set.addresses.unwrap_or_default());
        Ok(addresses.map(|address| address.ip).collect())
    }

    async fn nodes(&self) -> Result<Vec<String>, kube::Error> {
        let nodes: Api<Node> = Api::all(self.client.clone());
        let mut params = ListParams::default().limit(PAGE);
        let mut found = Vec::new();
        loop {
            let page = nodes.list(&params).await?;
            let addresses = page.items.into_iter().filter_map(|node| node.status?.addresses).flatten();
            found.extend(addresses.map(|address| address.address));
            match page.metadata.continue_.filter(|token| !token.is_empty()) {
                Some(token) => params.continue_token = Some(token),
                None => return Ok(found),
            }
        }
    }
}

//! Flags of the validating webhook. Serving it is `crate::webhook`'s.

use std::path::PathBuf;

use clap::Args;

use crate::engine::CollectionDefaults;
use crate::webhook::{SelfManaged, Settings, Source};

/// Flags of the validating webhook.
#[derive(Args, Clone, Debug)]
pub struct WebhookArgs {
    /// Serve the validating webhook
    #[arg(long, env = "KOLLECT_VALIDATING_WEBHOOKS_ENABLED", help_heading = "Webhook")]
    pub validating_webhooks_enabled: bool,
    /// Port of the webhook
    #[arg(long, env = "KOLLECT_WEBHOOK_PORT", default_value_t = 9443, help_heading = "Webhook")]
    pub webhook_port: u16,
    /// Folder with tls.crt and tls.key [default: a certificate of our own, in the Secret RELEASE-webhook]
    #[arg(long, value_name = "DIR", env = "KOLLECT_WEBHOOK_CERT_PATH", help_heading = "Webhook")]
    pub webhook_cert_path: Option<PathBuf>,
    /// Names and addresses in our own certificate [default: those of the Service RELEASE-webhook]
    #[arg(
        long,
        value_name = "HOST",
        env = "KOLLECT_WEBHOOK_HOSTS",
        value_delimiter = ',',
        help_heading = "Webhook"
    )]
    pub webhook_hosts: Vec<String>,
    /// ValidatingWebhookConfiguration that is told our own authority
    #[arg(
        long,
        value_name = "NAME",
        env = "KOLLECT_WEBHOOK_CONFIGURATION",
        default_value = "kollect",
        help_heading = "Webhook"
    )]
    pub webhook_configuration: String,
}

impl WebhookArgs {
    /// How the webhook is served, if it is. `release` is the namespace and name of this installation.
    pub fn settings(&self, release: &str, defaults: CollectionDefaults) -> Option<Settings> {
        if !self.validating_webhooks_enabled {
            return None;
        }
        let source = match &self.webhook_cert_path {
            Some(folder) => Source::Given(folder.clone()),
            None => {
                let (namespace, name) = release.split_once('/').unwrap_or(("kollect-system", release));
                let service = format!("{name}-webhook.{namespace}.svc");
                let hosts = match self.webhook_hosts.as_slice() {
                    [] => vec![service.clone(), format!("{service}.cluster.local")],
                    stated => stated.to_vec(),
                };
                Source::SelfManaged(SelfManaged {
                    namespace: namespace.to_owned(),
                    secret: format!("{name}-webhook"),
                    hosts,
                    configuration: self.webhook_configuration.clone(),
                })
            }
        };
        Some(Settings { port: self.webhook_port, source, defaults })
    }
}

//! Which clusters a kubeconfig gives, by the names of its contexts. It does not talk to them.

use std::path::Path;
use std::time::Duration;

use kube::Config;
use kube::config::{KubeConfigOptions, Kubeconfig};

use super::error::Error;
use super::pattern;

/// The API server answers a page of a list within this time, or the list has failed.
const ANSWER_WITHIN: Duration = Duration::from_secs(60);
const CONNECT_WITHIN: Duration = Duration::from_secs(10);
/// The name of a cluster that is reached from inside, without a kubeconfig.
const IN_CLUSTER: &str = "in-cluster";

/// One cluster that was chosen.
#[derive(Debug)]
pub struct Context {
    /// The context's name.
    pub name: String,
    /// How to reach it, or why that cannot be told.
    pub config: Result<Config, Error>,
}

/// The contexts that match any of `patterns`; without patterns the current one.
///
/// # Errors
/// The kubeconfig cannot be read, or a pattern matches no context.
pub async fn choose(path: Option<&Path>, patterns: &[String]) -> Result<Vec<Context>, Error> {
    let read = match path {
        Some(path) => Kubeconfig::read_from(path),
        None => Kubeconfig::read(),
    };
    let kubeconfig = match read {
        Ok(kubeconfig) => kubeconfig,
        Err(error) => {
            // Inside a pod there is no kubeconfig, but a service account.
            return match Config::incluster() {
                Ok(config) if path.is_none() && patterns.is_empty() => {
                    Ok(vec![Context { name: IN_CLUSTER.to_owned(), config: Ok(prepared(config)) }])
                }
                _ => Err(Error::Kubeconfig(Box::new(error))),
            };
        }
    };
    let mut contexts = Vec::new();
    for name in names(&kubeconfig, patterns)? {
        let options = KubeConfigOptions { context: Some(name.clone()), ..KubeConfigOptions::default() };
        let config = Config::from_custom_kubeconfig(kubeconfig.clone(), &options).await;
        let config = config.map(prepared).map_err(|error| Error::Kubeconfig(Box::new(error)));
        contexts.push(Context { name, config });
    }
    Ok(contexts)
}

/// The names of the chosen contexts, in the kubeconfig's order, each once.
fn names(kubeconfig: &Kubeconfig, patterns: &[String]) -> Result<Vec<String>, Error> {
    let all: Vec<&str> = kubeconfig.contexts.iter().map(|context| context.name.as_str()).collect();
    let unmatched = |pattern: &str| Error::NoContext {
        pattern: pattern.to_owned(),
        contexts: all.iter().map(|name| (*name).to_owned()).collect(),
    };
    if patterns.is_empty() {
        let current = kubeconfig.current_context.as_deref().filter(|name| !name.is_empty());
        return current.map(|name| vec![name.to_owned()]).ok_or_else(|| unmatched("current-context"));
    }
    if let Some(pattern) =
        patterns.iter().find(|pattern| !all.iter().any(|name| pattern::matches(pattern, name)))
    {
        return Err(unmatched(pattern));
    }
    let chosen = all.iter().filter(|name| patterns.iter().any(|pattern| pattern::matches(pattern, name)));
    Ok(chosen.map(|name| (*name).to_owned()).collect())
}

fn prepared(mut config: Config) -> Config {
    // Retries are ours: a page is asked for again where that can help.
    config.default_retry = false;
    config.connect_timeout = Some(CONNECT_WITHIN);
    config.read_timeout = Some(ANSWER_WITHIN);
    config.reset_reader_on_write = true;
    let agent = concat!("kollect/", env!("CARGO_PKG_VERSION"));
    if let (Ok(name), Ok(value)) = ("user-agent".parse(), agent.parse()) {
        config.headers.push((name, value));
    }
    config
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kubeconfig(current: &str) -> Kubeconfig {
        let yaml = format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: '{current}'\ncontexts:\n\
             - {{name: prod-eu, context: {{cluster: a, user: u}}}}\n\
             - {{name: prod-us, context: {{cluster: b, user: u}}}}\n\
             - {{name: dev, context: {{cluster: c, user: u}}}}\n"
        );
        Kubeconfig::from_yaml(&yaml).unwrap()
    }

    fn chosen(current: &str, patterns: &[&str]) -> Result<Vec<String>, String> {
        let patterns: Vec<String> = patterns.iter().map(|pattern| (*pattern).to_owned()).collect();
        names(&kubeconfig(current), &patterns).map_err(|error| error.to_string())
    }

    #[test]
    fn contexts_are_chosen_by_pattern_each_once() {
        assert_eq!(chosen("dev", &[]), Ok(vec!["dev".to_owned()]));
        assert_eq!(chosen("dev", &["prod-*", "*-eu"]), Ok(vec!["prod-eu".to_owned(), "prod-us".to_owned()]));
    }

    #[test]
    fn a_pattern_without_a_context_names_those_that_there_are() {
        let error = chosen("dev", &["prod-*", "stage"]).unwrap_err();
        assert_eq!(error, "no context matches \"stage\"; the kubeconfig has: prod-eu, prod-us, dev");
        assert!(chosen("", &[]).is_err());
    }
}

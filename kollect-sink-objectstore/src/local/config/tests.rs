//! What is accepted, what is refused by its name, and what changes the shape.

use super::{Config, Settings};

fn settings() -> Settings {
    Settings { root: "/srv/kollect/team-a".into(), format: Some("json".to_owned()), ..Settings::default() }
}

#[test]
fn the_endpoint_is_shown_without_the_machines_path() {
    let config = Config::parse(Settings { endpoint: "./exports/".to_owned(), ..settings() }).unwrap();
    assert_eq!(config.to_string(), "local:team-a/exports");
    assert_eq!(Config::parse(settings()).unwrap().to_string(), "local:team-a");
}

#[test]
fn what_cannot_work_is_refused_by_name() {
    let text = |value: &str| Some(value.to_owned());
    let cases: Vec<(Settings, &str)> = vec![
        (Settings { root: "relative".into(), ..settings() }, "root: "),
        (Settings { root: "/".into(), ..settings() }, "root: "),
        (Settings { endpoint: "/etc".to_owned(), ..settings() }, "endpoint: `/etc` is not a relative"),
        (Settings { endpoint: "file:///etc".to_owned(), ..settings() }, "endpoint: "),
        (Settings { endpoint: "a/../b".to_owned(), ..settings() }, "endpoint: "),
        (Settings { endpoint: "a//b".to_owned(), ..settings() }, "endpoint: "),
        (Settings { endpoint: "a\0b".to_owned(), ..settings() }, "endpoint: "),
        (Settings { endpoint: ".kollect".to_owned(), ..settings() }, "endpoint: "),
        (Settings { format: text("xml"), ..settings() }, "serialization.format: "),
        (Settings { compression: text("lz4"), ..settings() }, "serialization.compression: `lz4`"),
        (Settings { compression: text("snappy"), ..settings() }, "serialization.compression: `snappy`"),
        (Settings { layout_mode: text("perObject"), ..settings() }, "layout.mode: "),
        (
            Settings { layout_content: text("manifest"), ..settings() },
            "layout.content: `manifest` needs rows",
        ),
        (
            Settings { layout_content: text("attributes"), ..settings() },
            "layout.content: `attributes` is for",
        ),
        (Settings { index_enabled: Some(true), ..settings() }, "layout.index: "),
        (Settings { path_template: text("{name}"), ..settings() }, "pathTemplate: "),
        (Settings { max_segment_length: Some(3), ..settings() }, "layout.filename.maxSegmentLength: "),
        (Settings { hot_attributes: vec![String::new()], ..settings() }, "objectStore.hotAttributes: "),
        (Settings { retention_generations: Some(0), ..settings() }, "objectStore.retention.generations: "),
        (Settings { provisioning: text("maybe"), ..settings() }, "provisioning.mode: `maybe`"),
        (Settings { options: [("a".to_owned(), "b".to_owned())].into(), ..settings() }, "options: `a`"),
    ];
    for (settings, expected) in cases {
        let error = Config::parse(settings.clone()).unwrap_err().to_string();
        assert!(error.starts_with(expected), "{settings:?}: {error}");
    }
}

#[test]
fn the_shape_follows_what_decides_bytes_or_places() {
    let shape = |settings| Config::parse(settings).unwrap().shape();
    let base = shape(settings());
    assert_eq!(base, shape(settings()));
    assert_eq!(base, shape(Settings { retention_generations: Some(3), ..settings() }));
    assert_ne!(base, shape(Settings { format: Some("ndjson".to_owned()), ..settings() }));
    let template = Some("x/{namespace}/{name}".to_owned());
    assert_ne!(base, shape(Settings { path_template: template, ..settings() }));
    assert_ne!(base, shape(Settings { max_segment_length: Some(100), ..settings() }));
}

fn rows() -> Settings {
    Settings { layout_mode: Some("perResource".to_owned()), ..settings() }
}

#[test]
fn what_documents_of_rows_cannot_have_is_refused_by_name() {
    let text = |value: &str| Some(value.to_owned());
    let cases: Vec<(Settings, &str)> = vec![
        (Settings { format: text("csv"), ..rows() }, "serialization.format: `csv` is a table"),
        (
            Settings { path_template: text("{namespace}/{name}"), ..rows() },
            "pathTemplate: it names one document",
        ),
        (Settings { layout_path_template: text("{generation}"), ..rows() }, "layout.pathTemplate: "),
        (Settings { layout_content: text("manifest"), ..rows() }, "layout.content: `manifest` needs rows"),
        (Settings { group_in_path: text("maybe"), ..rows() }, "layout.filename.groupInPath: "),
        (Settings { retention_generations: Some(3), ..rows() }, "objectStore.retention: "),
        (
            Settings { index_enabled: Some(true), index_path_template: text("{name}"), ..rows() },
            "layout.index.pathTemplate: ",
        ),
        (
            Settings {
                layout_mode: text("split"),
                index_path_template: text("{namespace}/{name}/{generation}"),
                ..settings()
            },
            "layout.index.pathTemplate: the index stands in place",
        ),
    ];
    for (settings, expected) in cases {
        let error = Config::parse(settings.clone()).unwrap_err().to_string();
        assert!(error.starts_with(expected), "{settings:?}: {error}");
    }
}

#[test]
fn the_shape_of_rows_follows_what_decides_bytes_or_places() {
    let text = |value: &str| Some(value.to_owned());
    let shape = |settings| Config::parse(settings).unwrap().shape();
    let base = shape(rows());
    let others = [
        settings(),
        Settings { layout_mode: text("split"), ..rows() },
        Settings { index_enabled: Some(true), index_path_template: text("{namespace}/{name}"), ..rows() },
        Settings { format: text("yaml"), ..rows() },
        Settings { compression: text("gzip"), ..rows() },
        Settings { layout_content: text("attributes"), ..rows() },
        Settings { layout_path_template: text("{uid}"), ..rows() },
        Settings { group_in_path: text("always"), ..rows() },
        Settings { lowercase_kind: Some(false), ..rows() },
        Settings { max_segment_length: Some(100), ..rows() },
    ];
    for other in others {
        assert_ne!(base, shape(other.clone()), "{other:?}");
    }
    assert_eq!(base, shape(Settings { index_enabled: Some(false), layout_mode: text("split"), ..rows() }));
    assert_eq!(base, shape(Settings { format: None, ..rows() }), "json is the default");
}

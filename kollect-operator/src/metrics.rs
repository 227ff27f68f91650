//! What the operator measures, as OpenTelemetry instruments read by Prometheus. It serves nothing.

use std::sync::Arc;
use std::time::Duration;

use kollect_sink_core::driver::Export;
use kollect_sink_core::{ErrorKind, Receipt};
use kollect_snapshot::extract::FailureKind;
use opentelemetry::KeyValue;
use opentelemetry::metrics::{Counter, Histogram, Meter, MeterProvider};
use opentelemetry_sdk::error::OTelSdkError;
use opentelemetry_sdk::metrics::SdkMeterProvider;
use prometheus::{HistogramOpts, Registry, TextEncoder};

use crate::engine::Engine;

mod series;

/// Upper bounds of the buckets of durations, in seconds.
const SECONDS: [f64; 14] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 40.0, 60.0];

/// The same of extractions: from microseconds to what a hostile object may cost.
const EXTRACTION_SECONDS: [f64; 10] = [2e-6, 5e-6, 1e-5, 2.5e-5, 1e-4, 2.5e-4, 1e-3, 1e-2, 0.1, 1.0];

/// The instruments.
pub struct Metrics {
    registry: Registry,
    provider: SdkMeterProvider,
    export_duration: Histogram<f64>,
    export_bytes: Counter<u64>,
    sink_rows: Counter<u64>,
    sink_rejected: Counter<u64>,
    sink_errors: Counter<u64>,
    full_reconciles: Counter<u64>,
    connection_tests: Counter<u64>,
}

impl Metrics {
    /// Makes the instruments; those that tell of rows read the engine's store.
    ///
    /// # Errors
    /// The exporter cannot be registered.
    pub fn new(engine: &Arc<Engine>) -> Result<Self, OTelSdkError> {
        let registry = Registry::new();
        let exporter = opentelemetry_prometheus::exporter()
            .with_registry(registry.clone())
            .without_units()
            .without_counter_suffixes()
            .without_target_info()
            .scope_info_enabled(false)
            .build()?;
        let provider = SdkMeterProvider::builder().with_reader(exporter).build();
        let meter = provider.meter("kollect");
        observe_store(&meter, engine);
        observe_failures(&meter, engine);
        observe_rows(&registry, engine).map_err(|error| OTelSdkError::InternalFailure(error.to_string()))?;
        let counter =
            |name: &'static str, what: &'static str| meter.u64_counter(name).with_description(what).build();
        Ok(Self {
            export_duration: meter
                .f64_histogram("kollect_export_duration_seconds")
                .with_description("Duration of an export to a sink")
                .with_boundaries(SECONDS.to_vec())
                .build(),
            export_bytes: counter("kollect_export_bytes_total", "Bytes of payload sent to sinks"),
            sink_rows: counter("kollect_sink_rows_total", "Rows written to and removed from sinks"),
            sink_rejected: counter("kollect_sink_rejected_rows_total", "Rows that sinks refused"),
            sink_errors: counter("kollect_sink_errors_total", "Failed exports by reason"),
            full_reconciles: counter("kollect_full_reconciles_total", "Full passes by cause"),
            connection_tests: counter("kollect_sink_connection_test_total", "Connection tests of sinks"),
            registry,
            provider,
        })
    }

    /// An export ended well.
    pub fn exported(&self, sink_type: &'static str, export: &Export, receipt: &Receipt, took: Duration) {
        let sink = KeyValue::new("sink_type", sink_type);
        self.export_duration.record(took.as_secs_f64(), std::slice::from_ref(&sink));
        self.export_bytes.add(receipt.bytes, std::slice::from_ref(&sink));
        self.sink_rows.add(receipt.written, &[sink.clone(), KeyValue::new("op", "upsert")]);
        self.sink_rows.add(receipt.removed, &[sink.clone(), KeyValue::new("op", "delete")]);
        self.sink_rejected.add(receipt.rejected.count, std::slice::from_ref(&sink));
        if let Export::Full(cause) = export {
            self.full_reconciles.add(1, &[sink, KeyValue::new("cause", cause.as_str())]);
        }
    }

    /// An export failed.
    pub fn export_failed(&self, kind: ErrorKind) {
        self.sink_errors.add(1, &[KeyValue::new("reason", kind.as_str())]);
    }

    /// A connection was tested.
    pub fn connection_tested(&self, sink_type: &'static str, ok: bool) {
        let result = if ok { "success" } else { "failure" };
        self.connection_tests.add(1, &[KeyValue::new("type", sink_type), KeyValue::new("result", result)]);
    }

    /// Everything in the text format of Prometheus. Blocks for as long as it takes to look at the rows of profiles that
    /// ask for gauges.
    pub fn text(&self) -> String {
        TextEncoder::new().encode_to_string(&self.registry.gather()).unwrap_or_default()
    }

    /// Ends the instruments.
    pub fn shutdown(&self) {
        if let Err(error) = self.provider.shutdown() {
            tracing::debug!(%error, "metrics did not end cleanly");
        }
    }
}

/// What costs more to keep as an instrument than to read: gauges of profiles, and a measure of each extraction.
fn observe_rows(registry: &Registry, engine: &Arc<Engine>) -> prometheus::Result<()> {
    registry.register(Box::new(series::Series::new(engine.clone())?))?;
    let what = "Duration of the extraction of one object for one target";
    let options = HistogramOpts::new("kollect_extraction_seconds", what).buckets(EXTRACTION_SECONDS.to_vec());
    let histogram = prometheus::Histogram::with_opts(options)?;
    registry.register(Box::new(histogram.clone()))?;
    engine.time_extractions(histogram);
    Ok(())
}

fn observe_failures(meter: &Meter, engine: &Arc<Engine>) {
    let engine = engine.clone();
    meter
        .u64_observable_counter("kollect_extraction_failures_total")
        .with_description("Values that could not be extracted, by reason")
        .with_callback(move |observer| {
            for kind in FailureKind::ALL {
                observer.observe(engine.failures.of(kind), &[KeyValue::new("reason", kind.as_str())]);
            }
        })
        .build();
}

fn observe_store(meter: &Meter, engine: &Arc<Engine>) {
    let build = [KeyValue::new("version", env!("CARGO_PKG_VERSION"))];
    meter
        .u64_observable_gauge("kollect_build_info")
        .with_description("The version that runs; always 1")
        .with_callback(move |observer| observer.observe(1, &build))
        .build();
    type Read = fn(&Engine) -> u64;
    let gauges: [(&'static str, &'static str, Read); 3] = [
        ("kollect_inventory_items_total", "Rows of all targets", |engine| engine.store().totals().rows),
        ("kollect_store_rows", "Rows in the store", |engine| engine.store().totals().rows),
        ("kollect_store_bytes", "Bytes that the rows take in memory, estimated", |engine| {
            engine.store().totals().bytes
        }),
    ];
    for (name, what, read) in gauges {
        let engine = engine.clone();
        meter
            .u64_observable_gauge(name)
            .with_description(what)
            .with_callback(move |observer| observer.observe(read(&engine), &[]))
            .build();
    }
}

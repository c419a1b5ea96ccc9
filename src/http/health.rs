//! `/healthz`, `/readyz`, `/metrics`: for service managers, load balancers and Prometheus.
//!
//! `/healthz` says that the process answers, nothing more. `/readyz` says whether to send viewers here, and what an operator should
//! know; a finding alone doesn't take the server out of rotation (a full disk must not end a live that goes on from RAM).

use crate::live::status::{Finding, Level};
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use metrics_exporter_prometheus::PrometheusHandle;
use serde::Serialize;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// What the server last found out about itself. Whoever checks writes it; requests only read.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Whether requests can be served (the catalogue answers, the timelines are open). `false` until the start is complete.
    pub ready: bool,
    /// What an operator should know, worst first.
    pub findings: Vec<Finding>,
}

/// What the three endpoints read.
#[derive(Clone, Debug)]
pub struct Health {
    /// The latest report.
    pub report: watch::Receiver<Report>,
    /// Once it fires, `/readyz` says no: a load balancer should look elsewhere.
    pub stopping: CancellationToken,
    /// For `/metrics`; `None`: at another tenant, as the figures are those of all.
    pub metrics: Option<PrometheusHandle>,
}

/// The routes.
pub fn routes(health: Health) -> Router {
    let mut router = Router::new().route("/healthz", get(healthz)).route("/readyz", get(readyz));
    if let Some(metrics) = health.metrics.clone() {
        router = router.route("/metrics", get(async move || figures(&metrics)));
    }
    router.with_state(health)
}

async fn healthz() -> Response {
    ([(header::CACHE_CONTROL, "no-store")], "ok\n").into_response()
}

#[derive(Serialize)]
struct Answer<'a> {
    ready: bool,
    stopping: bool,
    findings: Vec<Line<'a>>,
}

#[derive(Serialize)]
struct Line<'a> {
    level: &'static str,
    code: &'a str,
    message: &'a str,
}

async fn readyz(State(health): State<Health>) -> Response {
    let stopping = health.stopping.is_cancelled();
    let report = health.report.borrow();
    let ready = report.ready && !stopping;
    let findings =
        report.findings.iter().map(|f| Line { level: level(f.level), code: f.code, message: &f.message }).collect();
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, [(header::CACHE_CONTROL, "no-store")], Json(Answer { ready, stopping, findings })).into_response()
}

fn level(level: Level) -> &'static str {
    match level {
        Level::Notice => "notice",
        Level::Warning => "warning",
        Level::Error => "error",
    }
}

fn figures(metrics: &PrometheusHandle) -> Response {
    let text = crate::telemetry::render(metrics);
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8"), (header::CACHE_CONTROL, "no-store")], text)
        .into_response()
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;
    use axum::http::Request;
    use http_body_util::BodyExt;
    use metrics_exporter_prometheus::PrometheusBuilder;
    use tower::ServiceExt;

    async fn ask(health: &Health, path: &str) -> (StatusCode, String) {
        let request = Request::get(path).body(Body::empty()).unwrap();
        let response = routes(health.clone()).oneshot(request).await.unwrap();
        let status = response.status();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn readiness_follows_the_report_and_the_stop_but_not_the_findings() {
        let (sender, report) = watch::channel(Report::default());
        let recorder = PrometheusBuilder::new().build_recorder();
        let health = Health { report, stopping: CancellationToken::new(), metrics: Some(recorder.handle()) };
        assert_eq!(ask(&health, "/healthz").await, (StatusCode::OK, "ok\n".into()));
        let (status, body) = ask(&health, "/readyz").await;
        assert_eq!(
            (status, body.as_str()),
            (StatusCode::SERVICE_UNAVAILABLE, r#"{"ready":false,"stopping":false,"findings":[]}"#)
        );

        let full = Finding { level: Level::Error, code: "disk_full", message: "The disk is \"full\".".into() };
        sender.send_replace(Report { ready: true, findings: vec![full] });
        let (status, body) = ask(&health, "/readyz").await;
        assert_eq!(status, StatusCode::OK);
        let json: serde_json::Value = serde_json::from_str(&body).unwrap();
        assert_eq!(json["findings"][0]["code"], "disk_full");
        assert_eq!(json["findings"][0]["level"], "error");
        assert_eq!(json["findings"][0]["message"], "The disk is \"full\".");

        health.stopping.cancel();
        let (status, body) = ask(&health, "/readyz").await;
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
        assert!(body.contains(r#""stopping":true"#));
        assert_eq!(ask(&health, "/healthz").await.0, StatusCode::OK, "stopping is not sick");
        assert_eq!(ask(&health, "/metrics").await.0, StatusCode::OK);
        let elsewhere = Health { metrics: None, ..health };
        assert_eq!(ask(&elsewhere, "/metrics").await.0, StatusCode::NOT_FOUND, "the figures are those of all tenants");
    }
}

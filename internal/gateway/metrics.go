package gateway

import (
	"net/http"
	"net/http/pprof"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/audit"
)

// metrics observes calls. Labels are bounded: codes of ours and apps of the
// configuration, never a name that a caller can choose.
type metrics struct {
	registry *prometheus.Registry
	calls    *prometheus.CounterVec
	outcomes *prometheus.CounterVec
	deciding prometheus.Histogram
	upstream *prometheus.HistogramVec
	refused  *prometheus.CounterVec
}

func newMetrics() *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		calls: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "ostiary_calls_total", Help: "Calls that were decided, by effect, reason and app.",
		}, []string{"effect", "reason", "app"}),
		outcomes: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "ostiary_outcomes_total", Help: "Calls that were let through, by how they ended.",
		}, []string{"status", "app"}),
		deciding: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "ostiary_decision_seconds", Help: "From question to permission, the durable write included.",
			Buckets: prometheus.ExponentialBuckets(10e-6, 2.5, 12),
		}),
		upstream: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "ostiary_upstream_seconds", Help: "From permission to the upstream's answer.",
			Buckets: prometheus.ExponentialBuckets(1e-3, 3, 10),
		}, []string{"app"}),
		refused: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "ostiary_refused_tokens_total", Help: "Tokens that were turned away at the MCP endpoints and the API, by why.",
		}, []string{"why"}),
	}
	m.registry.MustRegister(m.calls, m.outcomes, m.deciding, m.upstream, m.refused,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// Decided implements guard.Observer.
func (m *metrics) Decided(c *ostiary.Call, d ostiary.Decision, took time.Duration) {
	m.calls.WithLabelValues(d.Effect.String(), string(d.Reason), c.Tool.App).Inc()
	m.deciding.Observe(took.Seconds())
}

// Ended implements guard.Observer.
func (m *metrics) Ended(c *ostiary.Call, status audit.Status, took time.Duration) {
	m.outcomes.WithLabelValues(string(status), c.Tool.App).Inc()
	m.upstream.WithLabelValues(c.Tool.App).Observe(took.Seconds())
}

// tokenRefused is told of each, and why, in one of few codes.
func (m *metrics) tokenRefused(why string) { m.refused.WithLabelValues(why).Inc() }

// handler serves /metrics and /debug/pprof on the admin listener.
func (m *metrics) handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{}))
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	return mux
}

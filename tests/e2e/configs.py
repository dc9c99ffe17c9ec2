"""What the programs of the shared stack are asked to do."""

EXPORTER = """
prometheus: {url: "{prometheus}", scrape_interval: 5s}
evaluation_interval: 5s
presets: [node, prometheus]
calendars: [{name: holidays, ics: holidays.ics}]
queries:
  # Not the share of busy CPU: a build next door fills that too, but hardly with 64 processes.
  - name: runnable_processes
    expr: sum by (instance) (node_procs_running)
    direction: up
    min_deviation: 8
    detectors: [{kind: zscore, min_samples: 10}, {kind: mad, min_samples: 10}]
    publish_detector_scores: true
  # For the gauges that only these detectors have.
  - name: behaviour
    expr: sum by (instance) (node_procs_running)
    threshold: 1
    detectors: [{kind: trend_change, window: 10}, {kind: pattern_shift, window: 8}]
    drift: {reference: 1m, window: 1m, step: 5s, interval: 5s}
  # Noise without a memory, whose past is there as soon as it is asked for, and which jumps one day.
  - name: noise
    expr: |
      label_replace(
        vector((time() % 7919) ^ 2 % 101 + 60 * (time() > bool {shift})), "series", "a", "", ""
      )
    ensemble: none
    drift: {reference: 10m, window: 2m, step: 5s, interval: 5s}
  # Noise whose model is fitted anew all the time.
  - name: refitted
    expr: label_replace(vector((time() % 7919) ^ 2 % 101), "series", "b", "", "")
    threshold: 1
    lookback: 5m
    detectors: [{kind: zscore}]
    models: {refit: 15s, tail: 15s, history: 5m}
  # Until the stack began there was garbage, which only a challenger looks back on.
  - name: spoilt
    expr: |
      label_replace(
        vector((time() % 7919) ^ 2 % 101 * (1 + 99 * (time() < bool {began}))),
        "series", "c", "", ""
      )
    threshold: 1
    lookback: 1m
    detectors: [{kind: zscore, window: 1000, min_samples: 10}]
    models: {refit: null, tail: 15s, history: 1h}
  # Fitted anew on command only, and each time as well as before.
  - name: kept
    expr: label_replace(vector((time() % 7919) ^ 2 % 101), "series", "d", "", "")
    threshold: 1
    lookback: 10m
    detectors: [{kind: zscore}]
    models: {refit: null, tail: 15s, history: 10m}
  - {name: serviced, expr: vector(1), detectors: [{kind: mad}]}
  - name: broken
    expr: sum(
  - name: disk_used
    expr: |
      max by (instance, mountpoint) (
        node_filesystem_size_bytes{mountpoint="{mount}"}
          - node_filesystem_free_bytes{mountpoint="{mount}"}
      )
    unit: bytes
    range: [0, null]
    threshold: 1
    detectors: [{kind: mad}]
    forecast:
      step: 5s
      horizon: 4m
      interval: 5s
      horizons: [1m, 4m]
      lookback: 90s  # a third of what the disk takes to fill: the time before tells nothing of it
      limit: |
        {share} * max by (instance, mountpoint) (node_filesystem_size_bytes{mountpoint="{mount}"})
      direction: up
      calendars: [holidays]
# A model that tosses coins: of the time alone, so that its past is there as soon as it is asked.
watched_models:
  - name: coin
    version: "1"
    features:
      - {name: toss, expr: 'label_replace(vector((time() % 7919) ^ 2 % 101), "of", "a", "", "")'}
    prediction: label_replace(vector((time() % 7919) ^ 2 % 101 / 101), "of", "a", "", "")
    label: label_replace(vector((time() % 7919) ^ 2 % 101 > bool 40), "of", "a", "", "")
    step: 1h
    drift: {reference: 10m, window: 2m, step: 5s, interval: 5s}
maintenance:
  - name: always
    start: 2020-01-01T00:00:00Z
    end: 2100-01-01T00:00:00Z
    queries: [serviced]
    mute: true
state: {path: "{folder}/exporter.state", interval: 5s}
"""

WEBHOOK = """
store: {url: "sqlite:///{folder}/webhook.db"}
external_url: "{webhook}"
channels:
  - {kind: log, name: log}
  - {kind: webhook, name: receiver, url: "{receiver}"}
# The same series alerts again and again here, and each time is waited for.
throttle: {per_metric_and_severity: null, total: null, flapping: null}
correlation: null
prometheus: {url: "{prometheus}"}
alertmanager: {url: "{alertmanager}"}
reconcile: {receiver: anomaly-webhook}
dead_mans_switch: {channels: [receiver]}
shadow: [{name: careful, ratio: 1.2, queries: [runnable_processes]}]
"""

HOLIDAYS = """\
BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//anomaly-exporter//e2e//EN
BEGIN:VEVENT
UID:new-year
DTSTAMP:20200101T000000Z
DTSTART;VALUE=DATE:20200101
RRULE:FREQ=YEARLY
SUMMARY:New Year
END:VEVENT
END:VCALENDAR
"""

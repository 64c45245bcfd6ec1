"""What a service says of itself on its port for Prometheus."""

from __future__ import annotations

from prometheus_client.parser import text_string_to_metric_families

from contract.wire import exchange, render
from end_to_end.serving import Serving

ON = {"TASKWELL_METRICS_PORT": "0"}


class Metrics:
    def __init__(self, service: Serving) -> None:
        said = service.program.wait_for(r"Metrics for Prometheus are at http://(\S+):(\d+)/")
        self._address = said[1], int(said[2])

    def value(self, name: str, *labels: str) -> float:
        """0 where nothing has been counted yet."""
        (page,) = exchange(self._address, render("GET", "/metrics", (("Host", "x"),)))
        assert page.status == 200
        for family in text_string_to_metric_families(page.body.decode()):
            for sample in family.samples:
                if sample.name == name and set(labels) <= set(sample.labels.values()):
                    return float(sample.value)
        return 0.0

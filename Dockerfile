# Both daemons in one image. The exporter is the default; the webhook is `--entrypoint anomaly-webhook`.
#   docker build --tag anomaly-exporter:local .
#   docker run --volume "$PWD/exporter.yml:/etc/anomaly/exporter.yml:ro" --publish 9853:9853 anomaly-exporter:local

FROM python:3.11.13-slim-bookworm AS build
WORKDIR /source
COPY setup.cfg pyproject.toml README.md LICENSE ./
COPY promkit promkit
COPY exporter exporter
COPY webhook webhook
RUN pip wheel --no-cache-dir --no-deps --wheel-dir /wheels . \
    && python -m venv /opt/anomaly \
    && /opt/anomaly/bin/pip install --no-cache-dir "$(ls /wheels/*.whl)[apprise,plots,postgres]"
# Machine code of the default detectors and of all forecasters, for any processor of this architecture, so that a first start need not compile it.
ENV NUMBA_CPU_NAME=generic
RUN XDG_CACHE_HOME=/opt/anomaly/kernels /opt/anomaly/bin/python -m exporter.loops.compiling \
    && chmod -R a+rX /opt/anomaly/kernels

FROM python:3.11.13-slim-bookworm
LABEL org.opencontainers.image.title="anomaly-exporter" \
      org.opencontainers.image.description="Anomaly detection for Prometheus, and a webhook for its alerts" \
      org.opencontainers.image.licenses="Apache-2.0"
# What the daemons keep lies in /data. A new named volume takes over this owner; a bind mount has to allow uid 10001.
RUN useradd --uid 10001 --no-create-home --home-dir /data --shell /usr/sbin/nologin anomaly \
    && install --directory --owner=anomaly --group=anomaly /data /etc/anomaly
COPY --from=build /opt/anomaly /opt/anomaly
ENV PATH="/opt/anomaly/bin:$PATH" \
    ANOMALY_EXPORTER_KERNELS=/opt/anomaly/kernels \
    NUMBA_CPU_NAME=generic \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1
USER 10001:10001
WORKDIR /data
VOLUME ["/data"]
EXPOSE 9853 9854
# No HEALTHCHECK: the image does not know which of the two it runs; docker-compose.yml does.
ENTRYPOINT ["anomaly-exporter"]
CMD ["run", "--config.file=/etc/anomaly/exporter.yml"]

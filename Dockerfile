# Nephrowatch as an image: the product, Airflow and every package of the lock that the product needs.
#   docker build --tag nephrowatch:0.1.0 .
#   BASE          a Debian image with Python 3.11 or newer
#   deploy/wheels may hold the packages as wheels: then nothing is asked of a package index, and none is needed
# Where packages come from is the builder's own configuration; nothing of it, and no secret, is in a layer.
ARG BASE=python:3.11.14-slim-bookworm

FROM ${BASE} AS build
WORKDIR /build
COPY requirements.lock requirements.in deploy/runtime_lock.py ./
COPY deploy/wheels ./wheels
RUN python -m venv /opt/venv \
    && python runtime_lock.py requirements.lock requirements.in > runtime.lock \
    && if ls wheels/*.whl >/dev/null 2>&1; then from="--no-index --find-links wheels"; else from=""; fi \
    && /opt/venv/bin/python -m pip install --no-cache-dir --disable-pip-version-check --quiet \
        --only-binary :all: $from --require-hashes -r runtime.lock
COPY monitors /opt/nephrowatch/monitors
COPY dags /opt/nephrowatch/dags
COPY plugins /opt/nephrowatch/plugins
COPY sql /opt/nephrowatch/sql
COPY config /opt/nephrowatch/config
COPY expectations /opt/nephrowatch/expectations
COPY deploy/init.py deploy/health.py /opt/nephrowatch/deploy/
RUN printf '#!/bin/sh\nexec python -m monitors.cli "$@"\n' > /opt/venv/bin/nephrowatch \
    && chmod 0755 /opt/venv/bin/nephrowatch \
    && chmod -R a+rX,go-w /opt/nephrowatch \
    && /opt/venv/bin/python -m compileall -q /opt/nephrowatch

FROM ${BASE}
# Airflow wants its user to have a name. Folders that volumes cover take their owner from here.
RUN groupadd --gid 10001 nephrowatch && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /nonexistent nephrowatch \
    && mkdir -p /var/lib/nephrowatch/archive /var/log/airflow /opt/airflow /etc/nephrowatch /feeds /caught /trust \
    && chown 10001:10001 /var/lib/nephrowatch /var/lib/nephrowatch/archive /var/log/airflow /opt/airflow /feeds /caught /trust \
    && chmod 0700 /var/lib/nephrowatch /var/lib/nephrowatch/archive /opt/airflow
COPY --from=build /opt/venv /opt/venv
COPY --from=build /opt/nephrowatch /opt/nephrowatch
ENV PATH=/opt/venv/bin:/usr/local/bin:/usr/bin:/bin \
    PYTHONPATH=/opt/nephrowatch \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    HOME=/tmp \
    AIRFLOW_HOME=/opt/airflow \
    AIRFLOW__CORE__DAGS_FOLDER=/opt/nephrowatch/dags \
    AIRFLOW__CORE__PLUGINS_FOLDER=/opt/nephrowatch/plugins \
    AIRFLOW__CORE__LOAD_EXAMPLES=False \
    NEPHROWATCH_CONFIG=/opt/nephrowatch/config \
    NEPHROWATCH_HOME=/var/lib/nephrowatch
WORKDIR /opt/nephrowatch
# By number: the runtime can see that it is not root.
USER 10001:10001
HEALTHCHECK --interval=30s --timeout=10s --start-period=60s --retries=3 \
    CMD ["python", "/opt/nephrowatch/deploy/health.py", "http", "http://127.0.0.1:18080/sign-in"]
CMD ["nephrowatch", "web", "--host", "0.0.0.0"]

# Two images: `docker build --target api .` (no torch in it) and `--target worker`.
#
# The worker's image also migrates and builds models; beat needs no more than the api's.

FROM python:3.12.12-slim-bookworm AS build
ENV UV_LINK_MODE=copy UV_COMPILE_BYTECODE=1 UV_PYTHON=/usr/local/bin/python
RUN pip install --no-cache-dir uv==0.13.9
RUN uv venv /opt/vitrine
WORKDIR /src
# The dependencies first: they change less often than the code.
COPY pyproject.toml ./
RUN uv pip install --python /opt/vitrine/bin/python --no-cache -r pyproject.toml
COPY README.md LICENSE ./
COPY migrations migrations
COPY platform platform
COPY workers workers

FROM build AS build-api
RUN uv pip install --python /opt/vitrine/bin/python --no-cache --no-deps .

FROM build AS build-worker
RUN uv pip install --python /opt/vitrine/bin/python --no-cache ".[torch]"

FROM python:3.12.12-slim-bookworm AS base
RUN useradd --uid 10001 --create-home vitrine \
    && install --directory --owner vitrine --group vitrine /data
ENV PATH=/opt/vitrine/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    VITRINE_DATA_DIR=/data \
    VITRINE_HOST=0.0.0.0 \
    VITRINE_LOG_FORMAT=json
USER vitrine
WORKDIR /data
VOLUME /data

FROM base AS worker
COPY --from=build-worker /opt/vitrine /opt/vitrine
CMD ["vitrine", "worker"]

FROM base AS api
COPY --from=build-api /opt/vitrine /opt/vitrine
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=10s --start-period=30s \
    CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8080/healthz', timeout=8)"]
CMD ["vitrine", "api"]

# The page, the HTTP interface and workers of a farm, without a database: docker-compose.yml and deploy/compose.yml run them.

FROM python:3.13-slim AS build
COPY pyproject.toml README.md LICENSE /source/
COPY songradar /source/songradar
COPY db /source/db
COPY migrations /source/migrations
COPY ml /source/ml
COPY cli /source/cli
RUN pip wheel --no-cache-dir --no-deps --wheel-dir /wheel /source
RUN python -m venv /opt/songradar && \
    /opt/songradar/bin/pip install --no-cache-dir "$(echo /wheel/songradar-*.whl)[farm,web]"

FROM python:3.13-slim
RUN useradd --system --uid 10001 --create-home --home-dir /var/lib/songradar songradar
COPY --from=build /opt/songradar /opt/songradar
# Containers change their names: files are known under one that stays.
ENV PATH=/opt/songradar/bin:$PATH SONGRADAR_HOST=songradar
# By its number, as clusters that let nobody be root want to see it.
USER 10001
WORKDIR /var/lib/songradar
# Tokens and uploaded songs stay here; nothing else is written but temporary files in /tmp.
VOLUME /var/lib/songradar
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s \
    CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:8000/api/v1/health')"]
CMD ["songradar", "serve", "--host", "0.0.0.0", "--token-file", "tokens", "--uploads", "uploads"]

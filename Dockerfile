# One image for the SuperLink, the SuperNodes and the run; docker-compose.yml tells them apart by their commands.
ARG PYTHON=python:3.11-slim
FROM ${PYTHON}

# A CPU build of torch. With TORCH_INDEX empty, pip's own index is asked, where plain `torch` may bring CUDA along.
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu

ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1

WORKDIR /app
# All versions are those of constraints.txt, also of what builds; `python -m fedot.deploy.constraints` writes it anew.
COPY constraints.txt ./
RUN pip install --no-deps -c constraints.txt torch ${TORCH_INDEX:+--index-url "${TORCH_INDEX}"} \
 && pip install -c constraints.txt torch hatchling editables

# Dependencies change less often than the code and its README, so they are a layer of their own.
COPY pyproject.toml ./
RUN mkdir -p fedot && touch fedot/__init__.py README.md LICENSE \
 && pip install -c constraints.txt --no-build-isolation ".[hf]" && pip uninstall --yes fedot-fl && rm -r fedot

COPY README.md LICENSE ./
COPY fedot fedot
COPY clients clients
COPY server server
COPY scenarios scenarios
RUN pip install --no-deps --no-build-isolation --editable . && python -m compileall -q fedot clients server

# Volumes take over the owner of the folder that they are mounted on, and nothing here runs as root.
RUN groupadd --gid 10001 fedot && useradd --uid 10001 --gid fedot --no-create-home --home-dir /home/fedot fedot \
 && mkdir -p /home/fedot /data /models /cache /results /state /signal /keys/ca /keys/server /keys/public /keys/owner /keys/node \
 && for k in $(seq 0 63); do mkdir -p "/keys/nodes/client-$k"; done \
 && chown -R fedot:fedot /home/fedot /cache /results /state /signal /keys \
 && chmod 700 /keys/ca /keys/server /keys/owner /keys/node /keys/nodes /keys/nodes/*

USER fedot
ENV HOME=/home/fedot FLWR_HOME=/home/fedot/flower FLWR_TELEMETRY_ENABLED=0 FLWR_DISABLE_UPDATE_CHECK=1 \
    RAY_USAGE_STATS_ENABLED=0 HF_HUB_OFFLINE=1 HF_HUB_DISABLE_TELEMETRY=1 OMP_NUM_THREADS=1

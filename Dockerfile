# The tool with the clients its step types start. Build: docker build -t runbook .
# Run:   docker run --rm --init -v "$PWD:/runbooks" -v runbook-state:/state runbook plan --all
FROM node:24-bookworm-slim AS build
WORKDIR /src
COPY . .
RUN npm ci && npm pack --pack-destination /tmp

FROM node:24-bookworm-slim
RUN apt-get update \
  && apt-get install -y --no-install-recommends ca-certificates git openssh-client openssl postgresql-client \
  && rm -rf /var/lib/apt/lists/*
COPY --from=build /tmp/runbook-*.tgz /tmp/runbook.tgz
RUN npm install --global --offline --no-audit --no-fund /tmp/runbook.tgz \
  && install -d -o node -g node -m 0700 /state \
  && git config --system --add safe.directory /runbooks
# A container ends with its first process, and a run with its container: state lives on a volume, so that `resume` goes on.
ENV RUNBOOK_STATE_DIR=/state
VOLUME /state
USER node
WORKDIR /runbooks
ENTRYPOINT ["runbook"]
CMD ["--help"]

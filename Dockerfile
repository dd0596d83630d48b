# The program with the git that it runs, for runners and servers that use images.
#
#   docker build --tag changegate .
#   docker run --rm --volume "$PWD:/work:ro" changegate check --history main
#
# Pin both images by digest before you use this in a gate: a tag can be moved.

FROM rust:1-slim-trixie AS build
RUN apt-get update && apt-get install --yes --no-install-recommends git make gcc libc6-dev && rm -rf /var/lib/apt/lists/*
WORKDIR /source
COPY . .
RUN cargo build --locked --release

FROM debian:trixie-slim
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates git openssh-client \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --create-home --uid 10001 gate \
    && git config --system safe.directory '*'
COPY --from=build /source/target/release/changegate /usr/local/bin/changegate
USER gate
WORKDIR /work
ENTRYPOINT ["changegate"]

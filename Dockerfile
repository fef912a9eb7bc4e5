# syntax=docker/dockerfile:1
#
# A worker in a container: no shell, no root.
#
#   docker buildx build --platform linux/amd64,linux/arm64 --tag hydrate .
#   docker run hydrate --input URL --dataset NAME --lake s3://BUCKET/PREFIX run --health 127.0.0.1:8081 --grace 8s
#
# BIN and FEATURES choose another of the examples: --build-arg BIN=sap_to_lake --build-arg FEATURES=s3,sap.

FROM --platform=$BUILDPLATFORM rust:1.95-slim-bookworm AS build
ARG TARGETARCH
ARG BIN=hydrate
ARG FEATURES=s3
WORKDIR /src
RUN <<'END'
set -eu
case "$TARGETARCH" in
    amd64) target=x86_64-unknown-linux-gnu triple=x86-64-linux-gnu ;;
    arm64) target=aarch64-unknown-linux-gnu triple=aarch64-linux-gnu ;;
    *) echo "no build for $TARGETARCH" >&2; exit 1 ;;
esac
packages="gcc libc6-dev"
if [ "$TARGETARCH" != "$(dpkg --print-architecture)" ]; then
    packages="gcc-$triple libc6-dev-$TARGETARCH-cross"
fi
apt-get update
apt-get install --yes --no-install-recommends $packages
rm -rf /var/lib/apt/lists/*
rustup target add "$target"
echo "$target" > /target
END
COPY . .
ENV CARGO_PROFILE_RELEASE_STRIP=symbols \
    CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_LINKER=x86_64-linux-gnu-gcc \
    CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=aarch64-linux-gnu-gcc \
    CC_x86_64_unknown_linux_gnu=x86_64-linux-gnu-gcc \
    CC_aarch64_unknown_linux_gnu=aarch64-linux-gnu-gcc
RUN --mount=type=cache,id=registry,target=/usr/local/cargo/registry,sharing=locked \
    --mount=type=cache,id=target-$TARGETARCH,target=/src/target,sharing=locked \
    cargo build --release --locked --package datalake-examples --bin "$BIN" --features "$FEATURES" \
        --target "$(cat /target)" \
    && install -D "target/$(cat /target)/release/$BIN" /out/worker

FROM gcr.io/distroless/cc-debian12:nonroot
COPY --from=build /out/worker /worker
# SIGTERM drains: what was read is committed, within --grace.
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=6s --start-period=20s CMD ["/worker", "health", "127.0.0.1:8081", "--live"]
ENTRYPOINT ["/worker"]
CMD ["--help"]

# berth's image: `docker build -t berth .`; docs/containers.md says how to run it.
#
# Plain enough for the builder without BuildKit, too.

FROM node:24-bookworm-slim AS build
WORKDIR /build
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY .ci/build.mjs .ci/
COPY src src
RUN npm run build && chmod 755 dist/main.js && rm dist/*.map

# What the build does not hold: the package with native code, locked.
FROM node:24-bookworm-slim AS dependencies
WORKDIR /build
COPY package.json package-lock.json ./
RUN npm ci --omit=dev --ignore-scripts --no-audit --no-fund

FROM node:24-bookworm-slim
LABEL org.opencontainers.image.title="berth" \
  org.opencontainers.image.description="DNS for containers: names scoped to the networks the asker is on" \
  org.opencontainers.image.licenses="MIT"

# What the image changes of the defaults. The environment goes before the file; an empty variable is one not set.
ENV NODE_ENV=production \
  BERTH_CONFIG=/etc/berth/berth.yml \
  BERTH_LISTEN=*:53 \
  BERTH_HTTP=*:9153
COPY config/image.yml /etc/berth/berth.yml
COPY LICENSE /opt/berth/
COPY --from=dependencies /build/node_modules /opt/berth/node_modules
COPY --from=build /build/package.json /opt/berth/
COPY --from=build /build/dist /opt/berth/dist
RUN ln -s /opt/berth/dist/main.js /usr/local/bin/berth

# By number, so that who runs it can see that it is not root. Docker lets anybody bind port 53 in a container's own
# network namespace (net.ipv4.ip_unprivileged_port_start), so no capability is needed.
USER 1000:1000
EXPOSE 53/udp 53/tcp 9153/tcp
STOPSIGNAL SIGTERM
# Any reply will do: a berth whose engine is away still answers. The address comes from the configuration above.
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s --retries=3 CMD ["berth", "query", "--wire", "localhost"]
# node itself is the first process and hears the signals.
ENTRYPOINT ["node", "/opt/berth/dist/main.js"]
CMD ["serve"]

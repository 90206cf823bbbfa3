# docker build -t cairn .
#
# The server refuses to listen beyond the loopback interface until it is told who may call: by --token-file, by the
# certificates of clients, or by --insecure. So the command below has to be given with one of them, as in
#   docker run -p 50051:50051 -v cairn:/data -v ./token:/run/token:ro cairn \
#     serve --listen 0.0.0.0:50051 --store /data --token-file /run/token
#   docker run -p 127.0.0.1:50051:50051 -v cairn:/data cairn \
#     serve --listen 0.0.0.0:50051 --store /data --insecure        # anyone who reaches the port may call
FROM node:24-slim

WORKDIR /app
ENV NODE_ENV=production

# The optional package is a Node 24 for machines with an older one; the image has its own.
COPY package.json package-lock.json .npmrc ./
COPY clients/typescript/package.json clients/typescript/
RUN npm ci --omit=dev --omit=optional && npm cache clean --force

COPY LICENSE ./
COPY scripts/health.ts ./scripts/
COPY src ./src
# The command is a client of the server: it uses the client's source.
COPY clients/typescript/src ./clients/typescript/src

RUN mkdir /data && chown node:node /data
# The user `node` of the image.
USER 1000
VOLUME /data
EXPOSE 50051

# Asks without TLS: a server that has certificates needs a check of its own (--no-healthcheck, or your orchestrator's).
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s CMD ["node", "scripts/health.ts"]

ENTRYPOINT ["node", "src/main.ts"]
CMD ["serve", "--listen", "0.0.0.0:50051", "--store", "/data"]

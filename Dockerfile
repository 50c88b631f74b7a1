# The job and nothing else: no pip, no shell needed.
#
# The base is named by its full version and its digest, for all platforms: that of
# https://github.com/docker-library/repo-info/blob/master/repos/python/remote/3.13.14-slim-bookworm.md.
# Renovate updates both (.github/renovate.json).
FROM python:3.13.14-slim-bookworm@sha256:67a1e1f215ccda113cfc024e8639049257e88f273898f595b61476d128d387e8 AS build

COPY requirements/job.txt requirements/
RUN python -m venv --without-pip /venv
RUN python -m pip --python /venv/bin/python install --no-compile --require-hashes --requirement requirements/job.txt
COPY exporter /venv/lib/python3.13/site-packages/exporter
# An image does not change, so bytecode need not be checked against its source at each start.
RUN /venv/bin/python -m compileall -q -f --invalidation-mode unchecked-hash /venv/lib

FROM python:3.13.14-slim-bookworm@sha256:67a1e1f215ccda113cfc024e8639049257e88f273898f595b61476d128d387e8
# The base image ships its own library without bytecode.
RUN python -m compileall -q --invalidation-mode unchecked-hash /usr/local/lib/python3.13
COPY --from=build /venv /venv
# config.yaml is looked for here, unless DATASTREAM_EXPORTER_CONFIG holds its text.
WORKDIR /config
# As Terraform sets it: up to 512 threads read, and glibc would keep memory apart for many of them.
ENV MALLOC_ARENA_MAX=2
USER 65532:65532
ENTRYPOINT ["/venv/bin/python", "-m", "exporter"]
CMD ["run"]

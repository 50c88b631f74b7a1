# The job and nothing else: no build tools, no embedded servers, no shell needed.
#
# The base is named by its full version; Renovate adds the digest and moves both
# (.github/renovate.json).
FROM python:3.13.14-slim-bookworm AS build

WORKDIR /build
COPY requirements/job.txt requirements/build.txt requirements/
RUN python -m venv --without-pip /venv
RUN python -m pip --python /venv/bin/python install --require-hashes --requirement requirements/job.txt
RUN python -m pip install --require-hashes --requirement requirements/build.txt
COPY pyproject.toml README.md LICENSE ./
COPY exporter exporter
RUN python -m pip wheel --no-deps --no-build-isolation --no-index --wheel-dir dist .
RUN python -m pip --python /venv/bin/python install --no-deps --no-index dist/*.whl
# An image does not change: bytecode need not be held against its source at each start.
RUN python -m compileall -q -f --invalidation-mode unchecked-hash /venv/lib

FROM python:3.13.14-slim-bookworm
# The base image ships its own library without bytecode.
RUN python -m compileall -q --invalidation-mode unchecked-hash /usr/local/lib/python3.13
COPY --from=build /venv /venv
# Where config.yaml is looked for, unless DATASTREAM_EXPORTER_CONFIG holds it.
WORKDIR /config
USER 65532:65532
ENTRYPOINT ["/venv/bin/datastream-exporter"]
CMD ["run"]

# OpsPortal as one image: `manage.py serve` by default; any other command of manage.py as well.
FROM python:3.11-slim

ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
WORKDIR /opsportal
COPY requirements.lock .
RUN pip install --no-cache-dir --require-hashes -r requirements.lock
COPY manage.py ./
COPY opsportal opsportal
COPY ops ops
COPY bot bot
COPY proto proto
COPY templates templates
COPY clients clients

# State belongs into the database: nothing in the image is written to.
RUN useradd --system --no-create-home opsportal
USER opsportal
ENV OPSPORTAL_WEB_ADDRESS=0.0.0.0:8000 \
    OPSPORTAL_GRPC_ADDRESS=0.0.0.0:9090 \
    OPSPORTAL_HEALTH_ADDRESS=0.0.0.0:8001 \
    OPSPORTAL_REMOTE_STATE=/tmp/remote \
    OPSPORTAL_LOG_FORMAT=json
EXPOSE 8000 9090 8001
ENTRYPOINT ["python", "manage.py"]
CMD ["serve"]

FROM python:3.11-slim

ENV PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN useradd --create-home --uid 10001 trader
WORKDIR /srv/tvtrader

# The lock first: code changes then reuse the installed packages.
COPY requirements/prod.txt requirements/prod.txt
RUN pip install --no-cache-dir --require-hashes --no-deps -r requirements/prod.txt

COPY manage.py ./
COPY exchange exchange
COPY ledger ledger
COPY signals signals
COPY tvtrader tvtrader

# .env, and SQLite where no DATABASE_URL is given.
RUN install -d -o trader -g trader /var/lib/tvtrader
ENV TVTRADER_HOME=/var/lib/tvtrader
USER trader

EXPOSE 8000
CMD ["gunicorn", "tvtrader.wsgi:application", "--no-control-socket", "--bind", "0.0.0.0:8000", "--worker-class", "gthread", \
     "--workers", "2", "--threads", "4", "--worker-tmp-dir", "/dev/shm", "--graceful-timeout", "30"]

# The studio as a container, and as a Docker Space: user 1000, port 7860, an init that passes signals on.
#
#   docker build -t aigc-studio .
#   docker run -p 7860:7860 -v aigc-studio:/home/user/.aigc-studio aigc-studio
#
# With an NVIDIA GPU, build with --build-arg TORCH_INDEX= and run with --gpus all.

FROM python:3.11-slim

RUN apt-get update \
    && apt-get install -y --no-install-recommends tini \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --create-home --uid 1000 user \
    && install -d -o user -g user /home/user/app /home/user/.aigc-studio

USER user
ENV HOME=/home/user \
    PATH=/home/user/.local/bin:$PATH \
    GRADIO_SERVER_NAME=0.0.0.0 \
    GRADIO_SERVER_PORT=7860 \
    GRADIO_ANALYTICS_ENABLED=False \
    PYTHONUNBUFFERED=1
WORKDIR /home/user/app

# The slow layers first: packages, then the starter model. Neither changes when the studio does.
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
COPY --chown=user requirements.txt .
RUN pip install --user --no-cache-dir -r requirements.txt ${TORCH_INDEX:+--extra-index-url $TORCH_INDEX}
COPY --chown=user pipelines pipelines
COPY --chown=user assets assets
RUN python -m pipelines.loading.starter smollm2-135m-instruct

COPY --chown=user . .
RUN python -m compileall -q app.py studio pipelines

EXPOSE 7860
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s \
    CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:7860/health', timeout=4)"]
ENTRYPOINT ["tini", "--"]
CMD ["python", "app.py"]

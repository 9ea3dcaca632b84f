"""Every label, once. Never a label: an id, an error text, an exact shot count."""

from qgm_observe.catalog.outcomes import SHOT_CLASSES, ErrorClass, ExecutionMode, Outcome, Purpose
from qgm_observe.catalog.signal import Label
from qgm_observe.catalog.stages import STAGES

PROJECT = Label("project", "Whose work and budget it is.", bound=100)
PIPELINE = Label("pipeline", "The script, job or service that runs the work.", bound=100)
MODEL = Label("model", "The model's name.", bound=100)
MODEL_VERSION = Label("model_version", "The model's version.", bound=200)
KIND = Label("kind", "What the work is for.", tuple(Purpose))
PROVIDER = Label("provider", "Who runs the device.", bound=20)
DEVICE = Label("device", "The device's name.", bound=200)
REGION = Label("region", "The provider's region.", bound=50)
EXECUTION_MODE = Label("execution_mode", "How the provider is asked.", tuple(ExecutionMode))
SHOT_CLASS = Label("shot_class", "The decade of the shots asked for.", SHOT_CLASSES)

STAGE = Label("stage", "The part of the work.", tuple(STAGES))
OUTCOME = Label("outcome", "How it ended.", tuple(Outcome))
ERROR_CLASS = Label("error_class", "Why it failed.", tuple(ErrorClass))
STATISTIC = Label("statistic", "What is estimated.", bound=50)
PART = Label("part", "The part of this package.", bound=50)
VERSION = Label("version", "The version of this package.", bound=20)

WORK = (PROJECT, PIPELINE, MODEL, MODEL_VERSION, KIND)
"""What every run, step and job carries."""

JOB = (*WORK, PROVIDER, DEVICE, REGION, EXECUTION_MODE, SHOT_CLASS)
"""What every job carries."""

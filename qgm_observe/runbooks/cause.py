"""What may be wrong, and whose it is."""

import enum

OURS, THEIRS = "ours", "theirs"


class Cause(enum.Enum):
    """What may be wrong, whose it is, and how it is said."""

    CREDENTIALS = (OURS, "our credentials are refused")
    QUOTA = (OURS, "our quota is used up")
    PACE = (OURS, "we ask faster than the provider allows")
    COMPILER = (OURS, "our circuits no longer compile")
    CODE = (OURS, "our code or its input is wrong")
    MACHINE = (OURS, "our machines end the work")
    NETWORK = (OURS, "our network does not reach the providers")
    TELEMETRY = (OURS, "our own telemetry has failed")
    SPENDING = (OURS, "we spend more than planned")
    TRAINING = (OURS, "the training or its data went wrong")
    PROVIDER = (THEIRS, "the provider does not answer or fails jobs")
    DEVICE = (THEIRS, "the device is not available or fails jobs")
    QUEUE = (THEIRS, "the device's queue is too long")
    CALIBRATION = (THEIRS, "the device got worse with a calibration")

    @property
    def side(self) -> str:
        """`ours` or `theirs`."""
        return self.value[0]

    @property
    def sentence(self) -> str:
        """What is wrong, as a clause."""
        return self.value[1]

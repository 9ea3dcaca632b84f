"""What is asked about a model, its samples and its inputs, and the answers there are."""

ANSWERS: dict[str, tuple[str, ...]] = {
    "training": (
        "improving",
        "diverging",
        "flat_with_signal",
        "barren_plateau",
        "converged",
        "plateau_or_converged",
        "stuck",
        "insufficient_data",
    ),
    "collapse": ("collapsed", "whole", "untold"),
    "cause": ("none", "device", "unexplained", "both", "undecided"),
    "mitigation": ("helpful", "harmful", "undecided"),
    "inputs": ("drifted", "steady", "untold"),
    "parameters": ("moved", "steady"),
    "encoding": ("recorded", "matching", "mismatched", "untold"),
}
"""Question to its answers. Whether a statistic drifts is asked of its chart, see the signals."""

MITIGATIONS = ("none", "readout", "twirling", "decoupling", "zne", "pec", "other")
"""How errors of the device are worked against, in classes."""

CHARTS = ("ewma", "cusum")
"""Control charts that watch a statistic."""

"""Write the pages that are made from the program itself: every output file, every parameter."""

from pathlib import Path

from atomotion.data import parameters_of
from atomotion.project.outputs import as_markdown
from atomotion.project.stage import Stage
from atomotion.stages import every_stage

HERE = Path(__file__).parent
HEAD = "<!-- made by docs/generate.py; do not edit -->\n\n"


def outputs_page() -> str:
    """Every file, column and key that a stage writes."""
    stages = every_stage()
    text = as_markdown({stage.name: stage.outputs for stage in stages}, {stage.name: stage.title for stage in stages})
    intro = (
        "# What is written\n\nIn a project each stage writes into `stages/NN_stage/<movie>/out/`, with pictures in "
        "`figures/` beside it. A command that is given `-o name.csv` writes its main result there and the others "
        "beside it, with `name_` in front. Units are part of the names; a cell is empty, or a JSON value `null`, where "
        "a number is not to be had.\n\n"
    )
    return HEAD + intro + text


def parameters_page() -> str:
    """Every stage's parameters, as flags and as keys of project.toml."""
    lines = [
        "# Parameters",
        "",
        "A parameter is a flag of the stage's command (`--sigma 2px`) and a key of its table in `project.toml` "
        '(`[order]`, `sigma = "2px"`). Numbers may carry a unit.',
        "",
    ]
    for stage in every_stage():
        lines += _table(stage)
    return HEAD + "\n".join(lines)


def _table(stage: Stage) -> list[str]:
    command = stage.command or stage.name
    lines = [f"## `[{stage.name}]`: {stage.title}", "", f"Command: `atomotion {command}`. {_about(stage.config)}", ""]
    lines += ["| key | default | allowed | meaning |", "|---|---|---|---|"]
    for each in parameters_of(stage.config):
        default = "" if each.default is None else f"{each.default}" + (f" {each.unit}" if each.unit else "")
        allowed = each.limits() + (f" ({each.unit})" if each.unit and each.default is None else "")
        lines.append(f"| `{each.key}` | {default} | {allowed} | {each.help} |")
    return [*lines, ""]


def _about(config: type) -> str:
    return " ".join((config.__doc__ or "").split())


PAGES = {"outputs.md": outputs_page, "parameters.md": parameters_page}


def main() -> None:
    """Write all pages."""
    for name, page in PAGES.items():
        (HERE / name).write_text(page())
        print(HERE / name)


if __name__ == "__main__":
    main()

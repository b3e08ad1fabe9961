"""What the project is measured with: `make bench`.

One run, one table: labs (`labs`) by contestants (this project and the engine alone by `pulumi_runs`, scripts by `script`, other tools by
`peers`), timed from outside as whole commands; docs/benchmarks.md is made of it by `report`.
"""

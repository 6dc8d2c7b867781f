"""The procedure tried on this machine against a known truth: does it find the injected effect, and nothing else?

A bench runs requests on real cells, through the ordinary stages, with backends that are injected with a known fault.
A module for each part of the self-test runs its requests and judges the outcome. Nothing is imported here: workers
load `injections` from this package.
"""

"""Policies and states: who may do what, when."""

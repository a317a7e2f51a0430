"""The channels for alerts: each module is one, named as `daemon.drift_notify` names it.

A channel has a function `send(config, subject, body)`: the subject is one line, the body may have
several; whatever it raises is logged, and the alert counts as not delivered.
"""

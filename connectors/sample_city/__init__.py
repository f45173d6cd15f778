"""The sample city: a synthetic Shanghai of any size and the databases of its five departments.

Nobody in it exists. Identifiers carry valid check digits and may coincide with real ones by chance; nothing else about
their bearer does. Read `city.py` first.
"""

"""The commands of `dalle-lessons`, by what they are about: parsing only.

Each calls one function, and imports torch only if it needs it.
"""

"""A simulated year of a region: what the rules of the follow-up do, where people answer late or never.

Real are the invented population with its true matches, the caseloads as nodes read them, the covenant's terms, the
working days, every act, agreement and signature, the one state machine that folds them at each node, and the content of
each letter with the size that it is padded to. Simulated are time, people and the network, by the assumptions that
`staff` lists. A figure of this bench is what these rules come to with those people; it is no forecast of a real region.
"""

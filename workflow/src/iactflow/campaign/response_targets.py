"""Every list of files of the instrument responses."""

from __future__ import annotations

from iactflow.campaign.load import LoadedCampaign

__all__ = ["ResponseTargets"]


class ResponseTargets:
    """Lists of files of the nodes of a campaign.

    Parameters
    ----------
    campaign : LoadedCampaign
        The campaign.
    """

    def __init__(self, campaign: LoadedCampaign) -> None:
        self.plan, self.paths, self.cuts = campaign.responses, campaign.paths, campaign.cuts
        self.is_point_like = bool(self.plan) and self.plan.block.point_like
        self.off_data = self.plan.block.off_data if self.plan else []

    @property
    def outputs(self) -> dict[str, str]:
        """Patterns of what is made of a node, by name."""
        p = self.paths
        files = {"irf": p.responses, "summary": p.responses_summary}
        return files | ({"point_like": p.point_like_responses} if self.is_point_like else {})

    def of_nodes(self, *patterns: str) -> list[str]:
        """Expand patterns over nodes.

        Parameters
        ----------
        *patterns : str
            Paths with the wildcard node.

        Returns
        -------
        list of str
            Paths.
        """
        return [pattern.format(node=name) for pattern in patterns for name in self.plan.nodes]

    @property
    def all(self) -> list[str]:
        """Cuts, responses of all nodes, and their figures."""
        figures = self.of_nodes(self.paths.performance_figures)
        return [*self.cuts.product, *self.of_nodes(*self.outputs.values()), *figures]

    @property
    def summaries(self) -> list[str]:
        """Headline numbers of all nodes."""
        return self.of_nodes(self.paths.responses_summary)

    def events(self, node: str) -> list[str]:
        """Folders of DL2 events that the responses of a node rest on.

        Parameters
        ----------
        node : str
            Name of the node.

        Returns
        -------
        list of str
            Paths.
        """
        index = self.plan.index(node)
        return [*index["signal"], *(p for paths in index["background"].values() for p in paths)]

    @property
    def checks(self) -> dict[str, str]:
        """Comparisons with pyirf by node."""
        return {name: self.paths.check_responses.format(node=name) for name in self.plan.nodes}

    @property
    def sidecars(self) -> list[str]:
        """Provenance sidecars of every job whose cost the summary states."""
        made = self.of_nodes(self.paths.responses)
        jobs = [*self.cuts.product, *made, *self.checks.values()]
        return [self.paths.sidecar(path) for path in jobs]

"""Detection of CI services, where nobody would review a new golden.

The variables are those of ci-info 4.5.0 (https://github.com/watson/ci-info, file
vendors.json), except those of hosting services and those that are plain words. The
services document them, for example Azure Pipelines
(https://learn.microsoft.com/azure/devops/pipelines/build/variables), Jenkins
(https://www.jenkins.io/doc/book/pipeline/jenkinsfile/#using-environment-variables),
TeamCity (https://www.jetbrains.com/help/teamcity/predefined-build-parameters.html),
Bitbucket (https://support.atlassian.com/bitbucket-cloud/docs/variables-and-secrets/) and
AWS CodeBuild
(https://docs.aws.amazon.com/codebuild/latest/userguide/build-env-ref-env-vars.html).
pytest itself checks CI and BUILD_NUMBER
(https://docs.pytest.org/en/stable/explanation/ci.html).
"""

from __future__ import annotations

import os

__all__ = ["ci_variable"]

_OFF = ("0", "no", "false", "off")
_VARIABLES = (
    # Set by more than one service.
    *("CI", "BUILD_NUMBER", "CI_BUILD_ID", "CI_NAME", "CONTINUOUS_INTEGRATION"),
    "AGOLA_GIT_REF",  # Agola
    "AC_APPCIRCLE",  # Appcircle
    "APPVEYOR",  # AppVeyor
    "CODEBUILD_BUILD_ARN",  # AWS CodeBuild
    "TF_BUILD",  # Azure Pipelines
    "bamboo_planKey",  # Bamboo
    "BITBUCKET_COMMIT",  # Bitbucket Pipelines
    "BITRISE_IO",  # Bitrise
    "BUDDY_WORKSPACE_ID",  # Buddy
    "BUILDKITE",  # Buildkite
    "CIRCLECI",  # CircleCI
    "CIRRUS_CI",  # Cirrus CI
    "CF_BUILD_ID",  # Codefresh
    "CM_BUILD_ID",  # Codemagic
    "DRONE",  # Drone
    "EARTHLY_CI",  # Earthly
    "GERRIT_PROJECT",  # Gerrit
    "GITEA_ACTIONS",  # Gitea Actions
    "GITHUB_ACTIONS",  # GitHub Actions
    "GITLAB_CI",  # GitLab CI
    "GO_PIPELINE_LABEL",  # GoCD
    "BUILDER_OUTPUT",  # Google Cloud Build
    "HARNESS_BUILD_ID",  # Harness CI
    "HUDSON_URL",  # Hudson
    "JENKINS_URL",  # Jenkins
    "PROW_JOB_ID",  # Prow
    "SCREWDRIVER",  # Screwdriver
    "SEMAPHORE",  # Semaphore
    "TEAMCITY_VERSION",  # TeamCity
    "TRAVIS",  # Travis CI
    "VELA",  # Vela
    "APPCENTER_BUILD_ID",  # Visual Studio App Center
    "CI_XCODE_PROJECT",  # Xcode Cloud
)


def ci_variable() -> str | None:
    """Return the environment variable that indicates a CI service; None outside of CI.

    ``CI=false`` (or 0, no, off) takes precedence over all other variables.
    """
    if os.environ.get("CI", "").lower() in _OFF:
        return None
    for name in _VARIABLES:
        if os.environ.get(name, "").lower() not in ("", *_OFF):
            return name
    return None
